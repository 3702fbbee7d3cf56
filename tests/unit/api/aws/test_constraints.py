"""What models ask of requests, in AWS's words."""

import gzip
import json
from pathlib import Path
from typing import Any

import botocore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.constraints import CHECKED, STRICTER, Constraints

DATA = Path(botocore.__file__).parent / "data"


def model(service: str) -> Any:
    found = max((DATA / service).glob("*/service-2.json.gz"))
    return json.loads(gzip.decompress(found.read_bytes()))


EVENTS = Constraints(model("events"), CHECKED["events"])
SCHEDULER = Constraints(model("scheduler"), CHECKED["scheduler"])
LAMBDA = Constraints(model("lambda"), CHECKED["lambda"], STRICTER["lambda"])
ROLE = "arn:aws:iam::123456789012:role/r"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"FunctionName": "f", "Role": ROLE}, ""),
        (
            {"FunctionName": "f", "Role": "r"},
            (
                "1 validation error detected: Value 'r' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
            ),
        ),
        (
            {"Architectures": ["x86_64", "arm64"]},
            (
                "1 validation error detected: Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: "
                "Member must have length less than or equal to 1"
            ),
        ),
        (
            {"MemorySize": 1, "PackageType": "Tar"},
            (
                "2 validation errors detected: Value '1' at 'memorySize' failed to satisfy constraint: Member must have value greater than or "
                "equal to 128; Value 'Tar' at 'packageType' failed to satisfy constraint: Member must satisfy enum value set: [Zip, Image]"
            ),
        ),
        (
            {"Environment": {"Variables": {"1": "x"}}},
            (
                "1 validation error detected: Value '1' at 'environment.variables.1.key' failed to satisfy constraint: Member must satisfy regular "
                "expression pattern: [a-zA-Z]([a-zA-Z0-9_])+"
            ),
        ),
        ({"Runtime": "python"}, ""),
        (
            {"Timeout": 901},
            "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
        ),
        ({"Description": None, "Unknown": 5}, ""),
    ],
)
def test_violations(members: dict[str, Any], said: str) -> None:
    assert LAMBDA.refusal("CreateFunction", members) == said


def test_an_operation_without_input_and_one_that_is_not_known_ask_for_nothing() -> None:
    assert LAMBDA.refusal("GetAccountSettings", {}) == LAMBDA.refusal("Nothing", {"a": 1}) == ""


def test_lists_and_patterns_of_java_s_unicode_classes() -> None:
    tags = {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "Tags": {"größe €": "x", "ok": "y"}}
    assert "at 'tags.größe €.key'" in LAMBDA.refusal("TagResource", tags)
    assert LAMBDA.refusal("TagResource", {**tags, "Tags": {"größe": "x"}}) == ""
    many = Constraints(model("events")).refusal("PutEvents", {"Entries": [{"Source": "a"}] * 11})
    assert many.startswith("1 validation error detected: Value '[{'Source': 'a'}, ")
    assert many.endswith("at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10")


def test_a_model_of_shapes_that_are_made_of_each_other() -> None:
    constraints = Constraints(model("dynamodb"))
    item: Any = {"L": []}
    for _ in range(200):
        item = {"L": [item]}
    assert constraints.refusal("PutItem", {"TableName": "t", "Item": {"a": item}}) == ""


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(["FunctionName", "Role", "Timeout", "Environment", "Architectures", "Tags", "Layers"]), ANY))
def test_whatever_comes_it_says_something(members: dict[str, Any]) -> None:
    assert isinstance(LAMBDA.refusal("CreateFunction", members), str)


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        ("a.b-_1", ""),
        (
            "!@#$@!#$",
            r"Value '!@#$@!#$' at 'targets.1.member.id' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+",
        ),
        (
            "a" * 65,
            f"Value '{'a' * 65}' at 'targets.1.member.id' failed to satisfy constraint: Member must have length less than or equal to 64",
        ),
    ],
)
def test_the_id_of_a_target_as_recorded(identity: str, said: str) -> None:
    targets = [{"Id": identity, "Arn": "arn:aws:sqs:us-east-1:123456789012:jobs"}]
    refusal = EVENTS.refusal("PutTargets", {"Rule": "r", "Targets": targets})
    assert refusal == (f"1 validation error detected: {said}" if said else "")


def test_entries_are_judged_one_by_one() -> None:
    assert EVENTS.refusal("PutEvents", {"Entries": [{"Source": "", "EventBusName": "a b"}] * 11}) == ""


def test_names_of_schedules() -> None:
    assert "at 'name' failed" in SCHEDULER.refusal("CreateSchedule", {"Name": "a b"})
    target = {"Arn": "arn:aws:sqs:us-east-1:123456789012:jobs", "RoleArn": ROLE, "RetryPolicy": {"MaximumRetryAttempts": 200}}
    assert "at 'target.retryPolicy.maximumRetryAttempts' failed" in SCHEDULER.refusal("CreateSchedule", {"Name": "a", "Target": target})
