"""CBOR: RFC 8949's own examples, what comes back, and what is no CBOR of ours."""

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.cbor import Moment, dumps, loads
from router.api.aws.values import Malformed

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=("Cs",)))
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("00", 0),
        ("1818", 24),
        ("1bffffffffffffffff", 18446744073709551615),
        ("3bffffffffffffffff", -18446744073709551616),
        ("f90001", 5.960464477539063e-8),
        ("fa47c35000", 100000.0),
        ("fb7e37e43c8800759c", 1.0e300),
        ("f97c00", math.inf),
        ("c11a514b67b0", 1363896240),
        ("c1fb41d452d9ec200000", 1363896240.5),
        ("4401020304", b"\x01\x02\x03\x04"),
        ("62225c", '"\\'),
        ("83010203", [1, 2, 3]),
        ("a26161016162820203", {"a": 1, "b": [2, 3]}),
        ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
        ("f7", None),
    ],
)
def test_examples_of_the_standard(text: str, value: Any) -> None:
    assert loads(bytes.fromhex(text)) == value


def test_a_moment_is_tagged() -> None:
    assert dumps(Moment(1363896240)).hex() == "c11a514b67b0"
    assert dumps(Moment(1363896240.5)).hex() == "c1fb41d452d9ec200000"


@pytest.mark.parametrize(
    "text", ["", "18", "0000", "a1", "a10102", "ff", "1c", "5f6161ff", "c249010000000000000000", "c1f5", "f0", "61ff", "9b" + "ff" * 8]
)
def test_what_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        loads(bytes.fromhex(text))


def test_depth_is_bounded() -> None:
    with pytest.raises(Malformed, match="deep"):
        loads(b"\x81" * 100_000)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        loads(data)
