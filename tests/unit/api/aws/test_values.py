"""Values between JSON and members: strict types, what is missing, timestamps."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.api.aws import values
from router.api.aws.shapes import compiled
from router.api.aws.values import Incomplete, Malformed, complete, moment, parsed, spelled, stamped

MODEL = compiled(
    "test",
    {
        "metadata": {"apiVersion": "1", "protocol": "json", "endpointPrefix": "test"},
        "operations": {},
        "shapes": {
            "All": {
                "type": "structure",
                "exception": True,
                "required": ["Text"],
                "members": {
                    **{name: {"shape": name} for name in ("Text", "Int", "Long", "Bool", "Float", "Blob", "When", "List", "Map")},
                    "Renamed": {"shape": "Text", "locationName": "other"},
                    "Self": {"shape": "All"},
                },
            },
            "Text": {"type": "string"},
            "Int": {"type": "integer"},
            "Long": {"type": "long"},
            "Bool": {"type": "boolean"},
            "Float": {"type": "double"},
            "Blob": {"type": "blob"},
            "When": {"type": "timestamp"},
            "List": {"type": "list", "member": {"shape": "All"}},
            "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "All"}},
        },
    },
)
ALL = MODEL.errors["All"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"Text": 5}, "NUMBER_VALUE can not be converted to a String"),
        ({"Text": True}, "TRUE_VALUE can not be converted to a String"),
        ({"Text": ["a"]}, "Start of list found where not expected"),
        ({"Text": {}}, "Start of structure or map found where not expected."),
        ({"Int": "5"}, "STRING_VALUE can not be converted to an Integer"),
        ({"Int": True}, "TRUE_VALUE can not be converted to an Integer"),
        ({"Int": 1.5}, "NUMBER_VALUE can not be converted to an Integer"),
        ({"Int": 2**31}, "out of range"),
        ({"Long": 2**63}, "out of range"),
        ({"Bool": "true"}, "STRING_VALUE can not be converted to a Boolean"),
        ({"Float": "1"}, "STRING_VALUE can not be converted to a Double"),
        ({"Blob": "=="}, "Invalid Base64 encoded value"),
        ({"Blob": "DDDD="}, "Invalid Base64 encoded value"),
        ({"Blob": 1}, "NUMBER_VALUE can not be converted to a ByteBuffer"),
        ({"When": "soon"}, "'soon' is no timestamp"),
        ({"When": 1e300}, "no timestamp"),
        ({"List": {}}, "Start of structure or map"),
        ({"List": "a"}, "Unexpected field type"),
        ({"Map": []}, "Start of list"),
        ({"Self": {"Self": {"Int": "x"}}}, "STRING_VALUE can not be converted to an Integer"),
        ([], "Start of list"),
        ("x", "Unexpected field type"),
    ],
)
def test_types_are_strict(value: Any, told: str) -> None:
    with pytest.raises(Malformed, match=told.replace(".", r"\.")):
        parsed(ALL, value)


def test_null_is_absent_and_strangers_are_ignored() -> None:
    assert parsed(ALL, {"Text": None, "Nobody": 1, "List": [None], "Map": {"a": None}, "Int": 3.0, "other": "x"}) == {
        "List": [],
        "Map": {},
        "Int": 3,
        "Renamed": "x",
    }
    assert spelled(ALL, {"Renamed": "x", "Text": None}) == {"other": "x"}
    with pytest.raises(KeyError):
        spelled(ALL, {"Nobody": 1})


def test_what_is_missing_is_told_with_its_place() -> None:
    with pytest.raises(Incomplete) as caught:
        complete(ALL, {"List": [{"Text": "a"}, {}], "Map": {"k": {"Self": {}}}})
    assert caught.value.places == ["text", "list.2.member.text", "map.k.member.text", "map.k.member.self.text"]
    complete(ALL, {"Text": ""})


def test_depth_is_bounded() -> None:
    value: Any = {}
    for _ in range(100):
        value = {"Self": value}
    with pytest.raises(Malformed, match="Nesting"):
        parsed(ALL, value)


@given(st.integers(0, 250_000_000_000))
def test_a_moment_is_the_same_in_all_three_forms(milliseconds: int) -> None:
    at = milliseconds / 1000
    assert moment(stamped(at, "unixTimestamp")) == pytest.approx(at, abs=0.001)
    assert moment(stamped(at, "iso8601")) == pytest.approx(at, abs=0.0011)
    assert moment(stamped(at, "rfc822")) == int(at)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*ALL.members, "x"]), inner),
    )
)
def test_any_json_is_taken_or_refused_and_what_is_taken_can_be_told(value: Any) -> None:
    try:
        found = parsed(ALL, value)
    except Malformed:
        return
    json.dumps(spelled(ALL, found))


@given(st.binary(max_size=40).map(lambda data: b64encode(data).decode()) | st.text("QUJD=\n-", max_size=40), st.sampled_from([4, 8, 12]))
@example("DDDD=", 4)
@example("DDDD====", 4)
@example("DDDD====DDDD", 4)
@example("", 4)
def test_long_base64_is_what_it_is_at_one_go(text: str, piece: int) -> None:
    def read() -> object:
        try:
            return parsed(ALL, {"Blob": text})["Blob"]
        except Malformed as error:
            return str(error)

    whole = read()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(values, "_PIECE", piece)
        assert read() == whole
