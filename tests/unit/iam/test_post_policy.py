"""Browser uploads, with forms that boto3 makes; every field counts."""

import base64
import json
import time
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from router.iam import post_policy
from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.claims import Where
from router.iam.post_policy import Policy, Posted, check, check_size, policy_of, read, verify
from tests.helpers.signing import KEY_ID, SECRET

WHERE = Where("us-east-1", "s3")
FIELDS = {"acl": "private", "Content-Type": "image/png"}
CONDITIONS: list[Any] = [{"acl": "private"}, ["starts-with", "$Content-Type", "image/"], ["content-length-range", 1, 1000]]


@cache
def client_of(version: str) -> Any:
    config = Config(signature_version=version) if version else Config()
    session = boto3.Session(KEY_ID, SECRET, "to+ken", region_name="us-east-1")
    return session.client("s3", endpoint_url="http://127.0.0.1:4566", config=config)


@pytest.fixture(params=["", "s3v4"])
def client(request: pytest.FixtureRequest) -> Any:
    return client_of(request.param)


def form(client: Any, key: str = "in/${filename}", expires: int = 60) -> dict[str, str]:
    made = client.generate_presigned_post("b-1", key, Fields=dict(FIELDS), Conditions=list(CONDITIONS), ExpiresIn=expires)
    return {name.lower(): value for name, value in made["fields"].items()}


def taken(fields: dict[str, str], *, bucket: str = "b-1", now: float | None = None) -> Policy:
    posted = read(fields, WHERE)
    verify(posted, SECRET)
    policy = policy_of(posted)
    check(policy, fields, bucket=bucket, now=time.time() if now is None else now)
    return policy


def flaw(fields: dict[str, str], **more: Any) -> AuthFailure:
    with pytest.raises(AuthFailure) as caught:
        taken(fields, **more)
    return caught.value


def test_what_boto3_presigns_is_taken(client: Any) -> None:
    policy = taken(form(client) | {"key": "in/a.png", "x-ignore-me": "1"})
    assert (policy.low, policy.high) == (1, 1000)
    assert read(form(client), WHERE).token == "to+ken"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"key": "out/a.png"}, 'Invalid according to Policy: Policy Condition failed: ["starts-with", "$key", "in/"]'),
        ({"acl": "public-read"}, 'Invalid according to Policy: Policy Condition failed: ["eq", "$acl", "private"]'),
        ({"content-type": "text/html"}, "Policy Condition failed"),
        ({"x-amz-security-token": "other"}, "Policy Condition failed"),
        ({"success_action_redirect": "http://evil"}, "Invalid according to Policy: Extra input fields: success_action_redirect"),
    ],
)
def test_a_form_that_is_not_what_its_policy_allows(client: Any, change: dict[str, str], told: str) -> None:
    failure = flaw(form(client) | {"key": "in/a.png"} | change)
    assert failure.told("s3")[:2] == (403, "AccessDenied")
    assert told in failure.told("s3").message


@pytest.mark.parametrize(
    ("ranges", "expected"), [([(1, 10), (0, 1000)], (1, 10)), ([(0, 1000), (5, 20)], (5, 20)), ([(0, 10), (20, 30)], (20, 10))]
)
def test_every_range_of_sizes_holds(ranges: list[tuple[int, int]], expected: tuple[int, int]) -> None:
    conditions = [["content-length-range", *one] for one in ranges]
    policy = base64.b64encode(json.dumps({"expiration": "2099-01-01T00:00:00Z", "conditions": conditions}).encode()).decode()
    found = policy_of(Posted(KEY_ID, policy, "", None, ""))
    assert (found.low, found.high) == expected


def test_another_bucket_and_another_time(client: Any) -> None:
    assert "$bucket" in str(flaw(form(client) | {"key": "in/a"}, bucket="b-2"))
    assert flaw(form(client) | {"key": "in/a"}, now=time.time() + 61).told("s3").message == "Invalid according to Policy: Policy expired."


def test_what_was_not_signed_is_refused(client: Any) -> None:
    fields = form(client)
    altered = base64.b64encode(base64.b64decode(fields["policy"]).replace(b"private", b"publicx")).decode()
    assert flaw(fields | {"policy": altered}).flaw is Flaw.MISMATCH
    name = "x-amz-signature" if "x-amz-signature" in fields else "signature"
    assert flaw(fields | {name: "0" * 64}).flaw is Flaw.MISMATCH
    with pytest.raises(AuthFailure):
        verify(read(fields, WHERE), SECRET + "x")


@pytest.mark.parametrize(
    ("version", "names"), [("s3v4", "X-Amz-Algorithm X-Amz-Credential X-Amz-Signature"), ("s3", "AWSAccessKeyId Signature")]
)
def test_a_form_that_lacks_a_field_of_its_signature_is_told_which(version: str, names: str) -> None:
    """As recorded of AWS; one that has none of them is not signed."""
    fields = form(client_of(version))
    for name in names.split():
        refused = flaw({key: value for key, value in fields.items() if key != name.lower()})
        assert refused.told("s3")[:2] == (400, "InvalidArgument")
        assert (
            str(refused) == f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
        )
        assert refused.facts == {"ArgumentName": name, "ArgumentValue": ""}
    signature = names.lower().split()
    assert flaw({key: value for key, value in fields.items() if key not in signature}).flaw is Flaw.UNSIGNED


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"x-amz-algorithm": "AWS4-HMAC-SHA1"}, Flaw.BAD_QUERY),
        ({"x-amz-credential": "x"}, Flaw.BAD_QUERY),
        ({"x-amz-credential": f"{KEY_ID}/20261126/eu-west-1/s3/aws4_request", "x-amz-date": "20261126T000000Z"}, Flaw.BAD_SCOPE),
        ({"x-amz-date": "today"}, Flaw.BAD_QUERY),
        ({"x-amz-date": "19990101T000000Z"}, Flaw.BAD_SCOPE),
        ({"x-amz-signature": "x"}, Flaw.BAD_QUERY),
    ],
)
def test_the_fields_of_version_4_are_read_strictly(change: dict[str, str], told: Flaw) -> None:
    assert flaw(form(client_of("s3v4")) | change).flaw is told


def test_the_file_is_as_large_as_allowed() -> None:
    policy = Policy(0, (), 5, 10)
    for size in (5, 10):
        check_size(policy, size)
    for size, code in ((4, "EntityTooSmall"), (11, "EntityTooLarge")):
        with pytest.raises(AuthFailure) as caught:
            check_size(policy, size)
        assert caught.value.told("s3")[:2] == (400, code)
    check_size(Policy(0, ()), 1 << 40)


def posted(value: Any) -> Posted:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Posted("", base64.b64encode(text).decode(), "", None, "")


GOOD = {"expiration": "2026-11-26T00:00:00.000Z", "conditions": []}


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 10_000,
        [],
        {},
        {**GOOD, "expiration": 5},
        {**GOOD, "expiration": "1795651200"},
        {**GOOD, "expiration": "soon"},
        {**GOOD, "conditions": {}},
        {**GOOD, "conditions": ["x"]},
        {**GOOD, "conditions": [[]]},
        {**GOOD, "conditions": [["eq", "$key", 1]]},
        {**GOOD, "conditions": [["like", "$key", "x"]]},
        {**GOOD, "conditions": [{"key": 1}]},
        {**GOOD, "conditions": [["content-length-range", 5, 1]]},
        {**GOOD, "conditions": [["content-length-range", -1, 1]]},
        {**GOOD, "conditions": [["content-length-range", 0, 1.5]]},
        {**GOOD, "conditions": [["content-length-range", 0]]},
        {**GOOD, "conditions": [{"a": "x" * 30_000}]},
    ],
)
def test_what_is_no_policy(value: Any) -> None:
    with pytest.raises(AuthFailure) as caught:
        policy_of(posted(value))
    assert caught.value.told("s3")[:2] == (400, "InvalidPolicyDocument")


@pytest.mark.parametrize("condition", [{"acl": "private", "key": "x"}, {}])
def test_a_simple_condition_has_one_property(condition: dict[str, str]) -> None:
    with pytest.raises(AuthFailure) as caught:
        policy_of(posted({**GOOD, "conditions": [condition]}))
    told = "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
    assert caught.value.told("s3") == (400, "InvalidPolicyDocument", told)


@pytest.mark.parametrize(
    ("condition", "told"),
    [(["eq", "key", "x"], '["eq", "key", "x"]'), (["content-length-range", "test", 10], '["content-length-range", "test", "10"]')],
)
def test_a_condition_that_no_form_meets(condition: list[Any], told: str) -> None:
    """As recorded of AWS: such a policy is one, and refuses every form."""
    policy = policy_of(posted({**GOOD, "conditions": [["eq", "$key", "x"], condition]}))
    with pytest.raises(AuthFailure) as caught:
        check(policy, {"key": "x"}, bucket="b", now=0)
    assert caught.value.told("s3") == (403, "AccessDenied", f"Invalid according to Policy: Policy Condition failed: {told}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["eq", "$key", "content-length-range"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(JSON, st.dictionaries(st.sampled_from(["key", "acl", "x-ignore-a", "policy"]), st.text(max_size=5), max_size=4))
def test_whatever_comes_is_a_policy_or_an_auth_failure(value: Any, fields: dict[str, str]) -> None:
    for one in (value, {**GOOD, "conditions": value}, {**GOOD, "conditions": [value]}):
        try:
            policy = policy_of(posted(one))
        except AuthFailure:
            continue
        assert all(rule.operator in ("eq", "starts-with") for rule in policy.rules)
        with pytest.raises(AuthFailure):
            check(policy, fields, bucket="b", now=policy.expires)


@given(
    st.dictionaries(
        st.sampled_from(["policy", "signature", "awsaccesskeyid", "x-amz-signature", "x-amz-credential", "x-amz-date", "x-amz-algorithm"]),
        st.text(max_size=80),
    )
)
def test_whatever_is_claimed_is_an_auth_failure(fields: dict[str, str]) -> None:
    with pytest.raises(AuthFailure):
        verify(post_policy.read(fields, WHERE), SECRET)
