"""Events in, results out, as AWS's Python runtime does it."""

import datetime as dt
import enum
import json
import math
import uuid
from collections import namedtuple
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.runtime.marshalling import Fault, marshal, raw_utf8, unmarshal

Point = namedtuple("Point", "x y")  # noqa: PYI024  # the plain kind is what functions return
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner),
)


@given(value=VALUES, raw=st.booleans())
def test_what_json_can_say_comes_back(value: object, raw: bool) -> None:
    assert unmarshal(marshal(value, raw=raw)) == value


@given(value=VALUES)
def test_plain_values_are_written_as_the_standard_encoder_writes_them(value: object) -> None:
    assert marshal({"a": value}, raw=False) == json.dumps({"a": value}).encode()


@given(value=VALUES)
def test_a_decimal_beside_them_changes_nothing(value: object) -> None:
    assert marshal([value, Decimal("1.10")], raw=True) == json.dumps([value, 0], ensure_ascii=False)[:-2].encode() + b"1.10]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ((1, 2), "[1, 2]"),
        (Point(1, (2, Point(3, 4))), '{"x": 1, "y": [2, {"x": 3, "y": 4}]}'),
        (Decimal("1.10"), "1.10"),
        ([Decimal("-0.000"), Decimal("1E+3")], "[-0.000, 1E+3]"),
        (Decimal("NaN"), "NaN"),
        ({"b": b"caf\xc3\xa9"}, '{"b": "caf\\u00e9"}'),
        (math.nan, "NaN"),
        ([math.inf, -math.inf], "[Infinity, -Infinity]"),
        ("é", '"\\u00e9"'),
        ({Decimal("1.5"): 1}, '{"1.5": 1}'),
    ],
)
def test_the_measured_table(value: object, text: str) -> None:
    assert marshal(value, raw=False).decode() == text


def test_keys_that_are_not_strings() -> None:
    assert marshal({2: 0, 1.5: 0, False: 0, None: 0}, raw=False) == b'{"2": 0, "1.5": 0, "false": 0, "null": 0}'


def test_bytes_at_the_top_go_out_as_they_are() -> None:
    assert marshal(b"\xff\x00", raw=True) == b"\xff\x00"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({(1, 2): 0}, "keys must be str, int, float, bool or None, not tuple"),
        (dt.datetime(2024, 1, 1), "Object of type datetime is not JSON serializable"),  # noqa: DTZ001
        (dt.date(2024, 1, 1), "Object of type date is not JSON serializable"),
        ({1}, "Object of type set is not JSON serializable"),
        (uuid.UUID(int=0), "Object of type UUID is not JSON serializable"),
        (enum.Enum("E", "a").a, "Object of type E is not JSON serializable"),
        (iter([]), "Object of type list_iterator is not JSON serializable"),
        (object(), "Object of type object is not JSON serializable"),
        ([Decimal(1), object()], "Object of type object is not JSON serializable"),
        ({"b": b"\xff"}, "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
def test_what_cannot_be_serialised_is_a_marshal_error(value: object, said: str) -> None:
    with pytest.raises(Fault) as fault:
        marshal(value, raw=True)
    assert (fault.value.error_type, str(fault.value)) == ("Runtime.MarshalError", f"Unable to marshal response: {said}")


def test_circles_depth_and_lone_surrogates_are_errors_too() -> None:
    circle: list[object] = []
    circle.append(circle)
    odd: list[object] = [Decimal(1)]
    odd.append(odd)
    deep: object = 0
    for _ in range(100_000):
        deep = [deep]
    for value, said in (
        (circle, "Circular reference"),
        (odd, "Circular reference"),
        (deep, "recursion"),
        ("\ud800", "surrogates not allowed"),
    ):
        with pytest.raises(Fault, match=said):
            marshal(value, raw=True)
    assert marshal("\ud800", raw=False) == b'"\\ud800"'


def test_newer_runtimes_write_text_as_it_is() -> None:
    assert [raw_utf8(f"AWS_Lambda_python3.{minor}") for minor in (9, 10, 11, 12, 13, 14)] == [False, False, False, True, True, True]
    assert marshal({"ä": "é"}, raw=True).decode() == '{"ä": "é"}'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b"NaN", "Expecting value: line 1 column 1 (char 0)"),
        (b'{"a": Infinity}', "Expecting value: line 1 column 7 (char 6)"),
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
def test_a_bad_event_is_an_unmarshal_error(body: bytes, said: str) -> None:
    with pytest.raises(Fault) as fault:
        unmarshal(body)
    assert (fault.value.error_type, str(fault.value)) == ("Runtime.UnmarshalError", f"Unable to unmarshal input: {said}")
