"""Tumbling windows."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.tumbling import STATE_LIMIT, NoState, Open, runs, start_of, state_of, too_large

GOLDEN = Path(__file__).parents[2] / "golden"


def test_an_event_in_a_window_has_the_keys_of_awss_sample() -> None:
    sample = json.loads((GOLDEN / "kinesis_tumbling_window.json").read_text())
    open_ = Open(1_607_497_440, '{"1":282}', "shardId-000000000006", "arn")
    event = json.loads(open_.dressed(b'{"Records":[]}', 120))
    assert event.keys() == sample.keys()
    assert event["window"] == {"start": "2020-12-09T07:04:00Z", "end": "2020-12-09T07:06:00Z"} == sample["window"]
    assert (event["isFinalInvokeForWindow"], event["isWindowTerminatedEarly"]) == (False, False)
    last = json.loads(open_.dressed(b'{"Records":[]}', 120, final=True, early=True))
    assert (last["isFinalInvokeForWindow"], last["isWindowTerminatedEarly"], last["state"]) == (True, True, {"1": 282})


@given(
    arrivals=st.lists(st.floats(0, 1e9), max_size=30).map(sorted),
    length=st.integers(1, 900),
    open_=st.one_of(st.none(), st.integers(0, 10**6)),
)
def test_every_record_is_in_one_run_of_its_own_window_or_a_later_one(arrivals: list[float], length: int, open_: int | None) -> None:
    found = list(runs(arrivals, length, open_))
    assert [place for _, first, end in found for place in range(first, end)] == list(range(len(arrivals)))
    assert all(first < end for _, first, end in found), "no run is empty, also of a window that is open"
    starts = [start for start, _, _ in found]
    assert starts == sorted(set(starts))
    for start, first, end in found:
        for at in arrivals[first:end]:
            assert start == start_of(at, length, open_)


@pytest.mark.parametrize("result", [b"", b"null", b"{}", b"[]", b'{"state": 1}', b"no JSON", b'{"State": {}}'])
def test_a_result_without_a_state_is_none(result: bytes) -> None:
    with pytest.raises(NoState):
        state_of(result)


def test_states() -> None:
    assert state_of(b'{"state": {"a": [1]}, "batchItemFailures": []}') == '{"a":[1]}'
    odd = '{"a":123456789012345678901234567890,"b":"\\ud800"}'
    assert state_of(b'{"state": %s}' % odd.encode()) == odd
    assert odd.encode() in Open(0, odd, "s", "arn").dressed(b'{"Records":[]}', 60)
    assert not too_large('{"a":"' + "x" * (STATE_LIMIT - 10) + '"}')
    assert too_large('{"a":"' + "x" * STATE_LIMIT + '"}')
