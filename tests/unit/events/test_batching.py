"""Batches: cut by number and by bytes, nothing left out, nothing twice."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.batching import PAUSE_LIMIT, backoff, pack, patience

RECORDS = st.lists(st.binary(max_size=30).map(lambda b: json.dumps(b.hex()).encode()), max_size=12)


@given(RECORDS, st.integers(1, 15), st.integers(14, 400))
def test_batch_after_batch_delivers_every_record_that_fits_in_order(records: list[bytes], most: int, limit: int) -> None:
    """14 bytes are an empty batch: every record is then too large, and each is told."""
    left, got, skipped = records, [], []
    while left:
        packed = pack(iter(left), most=most, limit=limit)
        assert 1 <= packed.records <= most
        if packed.oversize:
            assert packed.payload == b""
            assert len(left[0]) + len(b'{"Records":[]}') > limit
            skipped += left[: packed.records]
        else:
            assert len(packed.payload) <= limit
            taken = json.loads(packed.payload)["Records"]
            assert len(taken) == packed.records
            got += taken
        left = left[packed.records :]
    fitting = [json.loads(record) for record in records if len(record) + len(b'{"Records":[]}') <= limit]
    assert got == fitting
    assert len(got) + len(skipped) == len(records)


def test_nothing_makes_no_payload() -> None:
    packed = pack(iter([]), most=10, limit=100)
    assert (packed.payload, packed.records, packed.oversize) == (b"", 0, False)


def test_a_record_known_to_be_too_large_goes_alone() -> None:
    assert pack(iter([None, b"1"]), most=10, limit=100).oversize
    packed = pack(iter([b"1", None]), most=10, limit=100)
    assert (packed.payload, packed.records, packed.oversize) == (b'{"Records":[1]}', 1, False)


def test_records_beyond_the_batch_are_not_asked_for() -> None:
    records = iter([b"1", b"2", b"3"])
    assert pack(records, most=2, limit=100).records == 2
    assert next(records) == b"3"


@pytest.mark.parametrize(
    ("records", "full"),
    [
        ([], False),
        ([b"1"], False),
        ([b"1", b"2"], False),
        ([b"1", b"2", b"3"], True),
        ([b"1", b"2", b"3", b"4"], True),
        ([b"1", b'"too large"'], True),
    ],
)
def test_a_batch_is_full_when_no_more_may_be_in_it_or_what_comes_next_does_not_fit(records: list[bytes], full: bool) -> None:
    assert pack(iter(records), most=3, limit=20).full is full


def test_the_span_of_pauses_doubles_from_half_a_second_up_to_its_limit() -> None:
    assert [backoff(tries, 1.0) for tries in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert backoff(1_000, 1.0) == PAUSE_LIMIT


def test_a_batch_waits_for_its_window_or_until_it_is_full() -> None:
    assert patience(3, most=10, window=5.0, waited=2.0) == 3.0
    assert patience(3, most=10, window=5.0, waited=6.0) == 0.0
    assert patience(10, most=10, window=5.0, waited=0.0) == 0.0
    assert patience(1, most=10, window=0.0, waited=0.0) == 0.0


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_pause_is_drawn_from_the_whole_of_a_growing_and_capped_span(tries: int, draw: float) -> None:
    assert 0 <= backoff(tries, draw) <= min(PAUSE_LIMIT, 0.5 * 2 ** min(tries - 1, 20))
    assert backoff(tries + 1, draw) >= backoff(tries, draw)
