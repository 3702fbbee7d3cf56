"""Keys and texts of the journal's rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import InvalidParameter
from router.journal.rows import ERROR_LIMIT, dedup_key, kept_error
from router.model import Envelope

text = st.text(st.characters(codec="utf-8"), max_size=5)
fields = st.tuples(text, text, text, text.filter(bool))


def key(parts: tuple[str, str, str, str]) -> bytes | None:
    function, source, shard, sequencer = parts
    return dedup_key(Envelope(function, b"", source, sequencer, shard))


@given(one=fields, other=fields)
def test_keys_are_alike_when_all_four_fields_are(one: tuple[str, str, str, str], other: tuple[str, str, str, str]) -> None:
    assert (key(one) == key(other)) == (one == other)
    assert key(one) == key(one)


def test_without_a_sequencer_there_is_no_key() -> None:
    assert dedup_key(Envelope("f", b"", "s", "", "k")) is None


def test_growing_sequencers_have_growing_keys() -> None:
    keys = [key(("f", "s", "", f"{number:016x}")) for number in range(0, 2**40, 2**33)]
    assert keys == sorted(keys)  # type: ignore[type-var]


@pytest.mark.parametrize("field", ["function", "source", "shard", "sequencer", "request_id"])
def test_text_that_is_not_unicode_is_refused(field: str) -> None:
    with pytest.raises(InvalidParameter):
        dedup_key(Envelope(**{"function": "f", "payload": b"", "source": "s", field: "\udcff"}))


def test_a_huge_error_is_kept_in_part() -> None:
    assert kept_error("x" * ERROR_LIMIT) == "x" * ERROR_LIMIT
    kept = kept_error("x" * 5_000_000)
    assert len(kept) < ERROR_LIMIT + 100
    assert "5000000 characters" in kept
