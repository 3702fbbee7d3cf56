"""The envelope of EventBridge and the rules of PutEvents; whole events are compared in tests/fidelity."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.eventbridge import ENTRY_BYTES, Entry, InvalidRequest, Place, entries_of, entry_size, envelope, event, refusal

HERE = Place("eu-west-1", "123456789012")
GOOD = Entry("shop", "order placed", '{"total": 7}', ("arn:aws:x:::y",), 1_444_323_186.9)
ID = "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa"


def test_an_entry_becomes_an_event_in_awss_order() -> None:
    made = event(GOOD, event_id=ID, at=0.0, place=HERE)
    assert made == {
        "version": "0",
        "id": ID,
        "detail-type": "order placed",
        "source": "shop",
        "account": "123456789012",
        "time": "2015-10-08T16:53:06Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:x:::y"],
        "detail": {"total": 7},
    }
    assert list(made)[:4] == ["version", "id", "detail-type", "source"]


def test_an_entry_without_a_time_has_that_of_its_arrival() -> None:
    arrived = Entry("shop", "t", "{}")
    assert event(arrived, event_id=ID, at=1_444_323_186.0, place=HERE)["time"] == "2015-10-08T16:53:06Z"
    assert event(arrived, event_id=ID, at=0.0, place=HERE)["resources"] == []
    assert event(Entry("shop", "t", "{}", time=0.0), event_id=ID, at=5.0, place=HERE)["time"] == "1970-01-01T00:00:00Z"


def test_a_replayed_event_names_its_replay_and_no_other_does() -> None:
    assert event(GOOD, event_id=ID, at=0.0, place=HERE, replay="again")["replay-name"] == "again"
    assert "replay-name" not in envelope("s", "t", {}, event_id=ID, at=0.0, place=HERE)


@pytest.mark.parametrize(
    ("entry", "code", "said"),
    [
        (Entry("", "t", "{}"), "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."),
        (Entry("s", "", "{}"), "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument."),
        (Entry("s", "t", ""), "InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."),
        (Entry("aws.s3", "t", "{}"), "NotAuthorizedForSourceException", "Not authorized for the source."),
        (Entry("s", "t" * 129, "{}"), "InvalidArgument", "longer than 128"),
        (Entry("s", "t", "[1]"), "MalformedDetail", "Detail is malformed."),
        (Entry("s", "t", "text"), "MalformedDetail", "Detail is malformed."),
        (Entry("s", "t", '{"a": NaN}'), "MalformedDetail", "Detail is malformed."),
        (Entry("s", "t", '{"a": [-1e999]}'), "MalformedDetail", "Detail is malformed."),
        (Entry("s", "t", "[" * 100_000), "MalformedDetail", "Detail is malformed."),
        (Entry("s", "t", json.dumps({"a": "x" * ENTRY_BYTES})), "InvalidArgument", "over 1048576 bytes"),
    ],
)
def test_a_bad_entry_is_refused_with_awss_code(entry: Entry, code: str, said: str) -> None:
    told = refusal(entry)
    assert told is not None
    assert told.code == code
    assert said in told.message


def test_a_good_entry_is_not_refused() -> None:
    assert refusal(GOOD) is None
    assert refusal(Entry("awsome", "t" * 128, "{}")) is None
    assert refusal(Entry("s", "t", '{"a": [-1.7e308, 1e-999, 123456789012345678901234567890]}')) is None


def test_the_size_limit_is_exact() -> None:
    room = ENTRY_BYTES - entry_size(Entry("s", "t", '{"a":""}'))
    assert refusal(Entry("s", "t", '{"a":"' + "x" * room + '"}')) is None
    assert refusal(Entry("s", "t", '{"a":"' + "x" * (room + 1) + '"}')) is not None


@given(st.text(), st.text(), st.lists(st.text(), max_size=3), st.none() | st.floats(0, 4e9))
def test_an_entry_counts_its_utf_8_and_a_fixed_time(source: str, detail_type: str, resources: list[str], time: float | None) -> None:
    size = entry_size(Entry(source, detail_type, "{}", resources, time))
    assert size == len("".join((source, detail_type, "{}", *resources)).encode()) + (14 if time is not None else 0)


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_any_object_comes_through_whole(detail: dict[str, object]) -> None:
    entry = Entry("s", "t", json.dumps(detail))
    assert refusal(entry) is None
    assert event(entry, event_id=ID, at=0.0, place=HERE)["detail"] == detail


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("\ud800")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
CALLS = st.fixed_dictionaries(
    {
        "Entries": st.lists(
            st.fixed_dictionaries(
                {}, optional=dict.fromkeys(("Source", "DetailType", "Detail", "Resources", "Time", "EventBusName", "TraceHeader"), JSON)
            ),
            max_size=12,
        )
    }
)


@given(call=st.one_of(JSON, CALLS))
def test_whatever_a_call_holds_it_is_refused_or_each_entry_has_a_verdict(call: Any) -> None:
    try:
        entries = entries_of(call, place=HERE)
    except InvalidRequest:
        return
    assert 1 <= len(entries) <= 10
    for one in entries:
        told = refusal(one)
        if told is None:
            assert event(one, event_id=ID, at=0.0, place=HERE)["id"] == ID


def test_a_time_is_a_number_or_a_text() -> None:
    def time_of(value: Any) -> float | None:
        (one,) = entries_of({"Entries": [{"Time": value}]}, place=HERE)
        return one.time

    assert [time_of(value) for value in (None, "", 5, 1.5, "1970-01-01T00:01:00Z", "1970-01-01T01:01:00+01:00", "1970-01-01T00:01:00")] == [
        *(None, None, 5.0, 1.5, 60.0, 60.0, 60.0)
    ]
    assert refusal(Entry("s", "t", "{}", time=time_of(10**400))) is not None
