"""Inputs of rules: what AWS delivered, and that a function always gets JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.transform import WHOLE, Facts, Input, InvalidInput, find, path_of

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "eventbridge_input_transformer_cases.json").read_text(encoding="utf-8"))
FACTS = Facts("rule-1", "arn:aws:events:us-east-1:123456789012:rule/rule-1", 1_700_000_000.0)
EVENT: dict[str, Any] = {
    "version": "0",
    "id": "53dc4d37",
    "detail-type": "order placed",
    "source": "shop",
    "resources": ["arn:a", "arn:b"],
    "detail": GOLDEN["detail"],
}
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=5,
)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["template"])
def test_what_aws_delivered(case: dict[str, Any]) -> None:
    made = Input.template(case["template"], GOLDEN["input_paths_map"]).of(EVENT, FACTS).decode()
    if case["delivered_is_json_object"]:
        assert json.loads(made) == json.loads(case["delivered"])
    else:
        assert made == case["delivered"]


def test_a_placeholder_that_nobody_defines_is_refused_in_awss_words() -> None:
    (wrong,) = (error["message"] for error in GOLDEN["errors"] if "placeholder" in error["when"])
    with pytest.raises(InvalidInput) as error:
        Input.template('{"a": <notdefinedkey>}', {})
    assert str(error.value) == wrong.replace(" for target <target-id>", "")


def test_the_predefined_variables() -> None:
    template = '{"arn": <aws.events.rule-arn>, "name": "<aws.events.rule-name>", "at": <aws.events.event.ingestion-time>, "event": <aws.events.event>, "all": <aws.events.event.json>}'
    made = json.loads(Input.template(template, {}).of(EVENT, FACTS))
    assert (made["arn"], made["name"], made["at"]) == (FACTS.rule_arn, "rule-1", "2023-11-14T22:13:20Z")
    assert made["all"] == EVENT
    assert made["event"] == {key: value for key, value in EVENT.items() if key not in {"detail", "detail-type"}} | {
        "detailType": "order placed"
    }


def test_the_other_inputs() -> None:
    assert json.loads(WHOLE.of(EVENT, FACTS)) == EVENT
    assert Input.constant({"a": [1]}).of(EVENT, FACTS) == b'{"a":[1]}'
    assert Input.constant("text").of(EVENT, FACTS) == b'"text"'
    assert json.loads(Input.part("$.detail.payload").of(EVENT, FACTS)) == EVENT["detail"]["payload"]
    assert Input.part("$.detail-type").of(EVENT, FACTS) == b'"order placed"'
    assert Input.part("$.nothing.there").of(EVENT, FACTS) == b"{}"
    assert json.loads(Input.part("$").of(EVENT, FACTS)) == EVENT


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.resources[1]", "arn:b"),
        ("$.resources[*]", ["arn:a", "arn:b"]),
        ("$['detail-type']", "order placed"),
        ('$["detail"].listmulti[0]', "ACTIVE"),
        ("$.detail.payload.*", ["0a787ecb-4015", "baz"]),
    ],
)
def test_paths_find(path: str, found: Any) -> None:
    assert find(EVENT, path_of(path)) == found


@pytest.mark.parametrize(
    "path", ["", "detail", "$detail", "$.", "$..id", "$.a[", "$.a[-1]", "$.a[1:2]", "$.a b", "$.a[?(@.b)]", "$" + ".a" * 200]
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        path_of(path)


@pytest.mark.parametrize(
    ("template", "paths", "wrong"),
    [
        ("no quotes", {}, "is not JSON"),
        ('{"a": <a>', {"a": "$.id"}, "is not JSON"),
        ('"<a>" "<a>"', {"a": "$.id"}, "is not JSON"),
        ('"x"', {"aws.id": "$.id"}, "no name of a variable"),
        ('"x"', {"a b": "$.id"}, "no name of a variable"),
        ('"x"', {f"v{n}": "$.id" for n in range(101)}, "100 variables at most"),
        (f'"{"x" * 8192}"', {}, "8192 characters at most"),
    ],
)
def test_other_templates_are_refused(template: str, paths: dict[str, str], wrong: str) -> None:
    with pytest.raises(InvalidInput, match=wrong):
        Input.template(template, paths)


def test_a_large_constant_is_refused() -> None:
    with pytest.raises(InvalidInput, match="8192 characters"):
        Input.constant("x" * 8192)


def test_quotes_are_told_from_escaped_ones() -> None:
    made = Input.template('{"say": "\\"<a>\\" and <b>", "n": <b>, "lt": "1 < 2 > 0"}', {"a": "$.id", "b": "$.detail.n"})
    assert json.loads(made.of({"id": "x", "detail": {"n": 1.5}}, FACTS)) == {"say": '"x" and 1.5', "n": 1.5, "lt": "1 < 2 > 0"}


@given(value=JSON)
def test_a_function_gets_json_whatever_the_event_holds(value: Any) -> None:
    paths = {"v": "$.detail.v", "none": "$.detail.none"}
    made = json.loads(Input.template('{"in": "[<v>]<none>", "out": <v>, "none": <none>}', paths).of({"detail": {"v": value}}, FACTS))
    assert made["out"] == value
    assert made["none"] == ""
    if isinstance(value, str) and not set(value) & set('"\\') and value.isprintable():
        assert made["in"] == f"[{value}]"


@given(value=JSON)
def test_a_part_is_what_it_was(value: Any) -> None:
    assert json.loads(Input.part("$.detail.v").of({"detail": {"v": value}}, FACTS)) == value
