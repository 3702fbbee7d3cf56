"""Events of one stream, and of all streams of a group."""

import time
from pathlib import Path
from typing import Any

import pytest

from router.api.aws.service import AwsError
from router.telemetry import logsearch, logwriter
from tests.helpers.clock import VirtualClock
from tests.unit.api.aws.logs.rig import GROUP, Rig, rig


def texts(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


async def read_all(house: Rig, **members: Any) -> list[str]:
    """All pages of a search."""
    found: list[str] = []
    more: dict[str, Any] = {}
    for _ in range(1000):
        answer = await house.call("FilterLogEvents", logGroupName=GROUP, **members, **more)
        found += texts(answer)
        if "nextToken" not in answer:
            return found
        more = {"nextToken": answer["nextToken"]}
    raise AssertionError("it never ends")


async def test_a_stream_forwards_and_backwards(house: Rig) -> None:
    stream = house.log(*"abcdefg")
    asked: dict[str, Any] = {"logGroupName": GROUP, "logStreamName": stream, "limit": 3}
    first = await house.call("GetLogEvents", **asked, startFromHead=True)
    assert texts(first) == ["a", "b", "c"]
    assert first["events"][0] == {"timestamp": house.now, "message": "a", "ingestionTime": house.now}
    second = await house.call("GetLogEvents", **asked, nextToken=first["nextForwardToken"])
    third = await house.call("GetLogEvents", **asked, nextToken=second["nextForwardToken"])
    assert (texts(second), texts(third)) == (["d", "e", "f"], ["g"])
    end = await house.call("GetLogEvents", **asked, nextToken=third["nextForwardToken"])
    assert (texts(end), end["nextForwardToken"]) == ([], third["nextForwardToken"])
    back = await house.call("GetLogEvents", **asked, nextToken=third["nextBackwardToken"])
    assert texts(back) == ["d", "e", "f"]
    latest = await house.call("GetLogEvents", **asked)
    assert texts(latest) == ["e", "f", "g"]
    before = await house.call("GetLogEvents", **asked, nextToken=latest["nextBackwardToken"])
    start = await house.call("GetLogEvents", **asked, nextToken=before["nextBackwardToken"])
    none = await house.call("GetLogEvents", **asked, nextToken=start["nextBackwardToken"])
    assert (texts(before), texts(start), texts(none)) == (["b", "c", "d"], ["a"], [])
    assert none["nextBackwardToken"] == start["nextBackwardToken"]
    assert texts(await house.call("GetLogEvents", **asked, nextToken=none["nextForwardToken"])) == ["a", "b", "c"]


async def test_times_bound_a_stream_and_a_search(house: Rig) -> None:
    stream = house.log(*"abcd")
    span = {"startTime": house.now + 1000, "endTime": house.now + 3000}
    assert texts(await house.call("GetLogEvents", logGroupName=GROUP, logStreamName=stream, **span)) == [
        "b",
        "c",
    ]  # its end is not part of it
    assert texts(await house.call("FilterLogEvents", logGroupName=GROUP, **span)) == ["b", "c", "d"]


async def test_a_search_finds_events_that_are_ahead_of_the_clock(tmp_path: Path) -> None:
    """`aws logs tail --follow` asks from its last event on: a client whose clock is fast puts events that are newer than their file."""
    async with rig(tmp_path, VirtualClock(time.time())) as house:
        await house.call("CreateLogGroup", logGroupName="own")
        for name in ("s", "2026/11/28/[1]x"):
            await house.call("CreateLogStream", logGroupName="own", logStreamName=name)
            event = {"timestamp": house.now + 7_000_000, "message": name}
            await house.call("PutLogEvents", logGroupName="own", logStreamName=name, logEvents=[event])
        found = await house.call("FilterLogEvents", logGroupName="own", startTime=house.now + 6_900_000)
        assert sorted(texts(found)) == ["2026/11/28/[1]x", "s"]


async def test_tokens_outlive_segments_that_come_and_go(house: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logwriter, "SEGMENT", 400)
    stream = house.store.stream("resize")

    def more(first: int, count: int) -> None:
        for number in range(first, first + count):
            stream.write(f"event {number:04}", house.clock.now() + number)
            stream.flush()

    more(0, 20)
    asked: dict[str, Any] = {"logGroupName": GROUP, "logStreamName": stream.name, "limit": 5}
    page = await house.call("GetLogEvents", **asked, startFromHead=True)
    search = await house.call("FilterLogEvents", logGroupName=GROUP, limit=5)
    more(20, 5)
    assert texts(await house.call("GetLogEvents", **asked, nextToken=page["nextForwardToken"])) == [f"event {n:04}" for n in range(5, 10)]
    more(25, 200)  # what the tokens stood in is gone
    on = await house.call("GetLogEvents", **asked, nextToken=page["nextForwardToken"])
    assert len(texts(on)) == 5
    assert texts(on)[0] > "event 0010"
    rest = texts(await house.call("FilterLogEvents", logGroupName=GROUP, nextToken=search["nextToken"]))
    assert rest == sorted(rest)
    assert rest[-1] == "event 0224"
    found: list[str] = []
    token = {}
    for _ in range(100):
        answer = await house.call("GetLogEvents", **asked, **token)
        if not answer["events"]:
            break
        found = texts(answer) + found
        token = {"nextToken": answer["nextBackwardToken"]}
    assert found == sorted(found)
    assert found[-1] == "event 0224"
    assert len(found) == len(set(found)) >= 20


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10_000])
async def test_a_search_merges_streams_by_time_page_by_page(house: Rig, limit: int) -> None:
    start = house.clock.now()
    for number in range(4):
        stream = house.store.stream("resize")
        for step in range(6):
            stream.write(f"{step}.{number}", start + step + number / 10)
            stream.write(f"{step}.{number}+", start + step + number / 10)  # the same millisecond
    found = await read_all(house, limit=limit)
    assert [one.rstrip("+") for one in found] == sorted(f"{step}.{number}" for step in range(6) for number in range(4) for _ in "ab")
    assert len(set(found)) == 48


async def test_events_that_come_late_are_given_once(house: Rig) -> None:
    await house.call("CreateLogGroup", logGroupName="own")
    for name in ("a", "b"):
        await house.call("CreateLogStream", logGroupName="own", logStreamName=name)
        for step in (5000, 1000, 3000, 7000):
            event = {"timestamp": house.now + step, "message": f"{name}{step}"}
            await house.call("PutLogEvents", logGroupName="own", logStreamName=name, logEvents=[event])
    found: list[str] = []
    token: dict[str, Any] = {}
    while True:
        answer = await house.call("FilterLogEvents", logGroupName="own", limit=1, **token)
        found += texts(answer)
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert sorted(found) == sorted(f"{name}{step}" for name in "ab" for step in (1000, 3000, 5000, 7000))


async def test_a_search_wants_streams_and_messages(house: Rig) -> None:
    one, two = house.log("ERROR a", "INFO b"), house.log("ERROR c")
    assert await read_all(house, filterPattern="ERROR", limit=1) == (["ERROR a", "ERROR c"] if one < two else ["ERROR c", "ERROR a"])
    assert await read_all(house, logStreamNames=[two]) == ["ERROR c"]
    assert await read_all(house, logStreamNamePrefix=one) == ["ERROR a", "INFO b"]
    answer = await house.call("FilterLogEvents", logGroupIdentifier=f"arn:aws:logs:eu-west-1:123456789012:log-group:{GROUP}:*")
    ids = [event["eventId"] for event in answer["events"]]
    assert len(set(ids)) == 3
    assert {len(one) for one in ids} == {56}
    again = await house.call("FilterLogEvents", logGroupName=GROUP, startTime=0)
    assert [event["eventId"] for event in again["events"]] == ids
    assert answer["searchedLogStreams"] == []


async def test_a_search_hands_out_what_it_has_when_it_looked_at_much(house: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logsearch, "BUDGET", 500)
    house.log(*(f"line {number}" for number in range(100)), "needle")
    first = await house.call("FilterLogEvents", logGroupName=GROUP, filterPattern="needle")
    assert (texts(first), "nextToken" in first) == ([], True)
    assert await read_all(house, filterPattern="needle") == ["needle"]


async def test_a_page_has_a_megabyte_at_most(house: Rig) -> None:
    stream = house.log(*(f"{number}" + "x" * 400_000 for number in range(5)))
    assert [len(text) for text in texts(await house.call("GetLogEvents", logGroupName=GROUP, logStreamName=stream))] == [400_001] * 2
    assert [text[0] for text in await read_all(house)] == list("01234")


async def test_following_as_the_command_line_does(house: Rig) -> None:
    """`aws logs tail --follow`: the same call again from the newest time seen, without those that were shown."""
    stream = house.store.stream("resize")
    shown: list[str] = []
    seen: set[str] = set()
    since = house.now - 600_000
    for number in range(5):
        stream.write(f"{number}a", house.clock.now())
        stream.write(f"{number}b", house.clock.now())
        answer = await house.call("FilterLogEvents", logGroupName=GROUP, startTime=since, interleaved=True)
        assert "nextToken" not in answer
        fresh = [event for event in answer["events"] if event["eventId"] not in seen]
        shown += [event["message"] for event in fresh]
        seen |= {event["eventId"] for event in fresh}
        since = max(event["timestamp"] for event in answer["events"])
        await house.clock.advance(0.0 if number % 2 else 5.0)
    assert shown == [f"{number}{part}" for number in range(5) for part in "ab"]


@pytest.mark.parametrize(
    ("operation", "members", "code"),
    [
        ("GetLogEvents", {"logGroupName": "/aws/lambda/none", "logStreamName": "x"}, "ResourceNotFoundException"),
        ("GetLogEvents", {"logGroupName": GROUP, "logStreamName": "x"}, "ResourceNotFoundException"),
        ("GetLogEvents", {"logGroupName": GROUP, "logStreamName": "a:b"}, "InvalidParameterException"),
        ("GetLogEvents", {"logGroupName": GROUP, "logStreamName": "\ud800"}, "InvalidParameterException"),
        ("GetLogEvents", {"logGroupName": GROUP}, "InvalidParameterException"),
        ("GetLogEvents", {"logGroupName": GROUP, "logStreamName": "x", "limit": 10_001}, "InvalidParameterException"),
        ("GetLogEvents", {"logGroupName": GROUP, "logStreamName": "x", "nextToken": "f/1"}, "InvalidParameterException"),
        ("GetLogEvents", {"logGroupName": GROUP, "logStreamName": "x", "nextToken": "f/" + "9" * 56}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": "../x"}, "ResourceNotFoundException"),
        ("FilterLogEvents", {"logGroupName": "a b"}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "logGroupIdentifier": GROUP}, "ValidationException"),
        ("FilterLogEvents", {}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "nextToken": "x"}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "nextToken": "W10="}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "filterPattern": "{ $.a"}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "logStreamNames": ["a"], "logStreamNamePrefix": "a"}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "logStreamNames": ["none"]}, "ResourceNotFoundException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "startTime": -1}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "startTime": 10**400}, "InvalidParameterException"),
    ],
)
async def test_what_is_wrong_is_refused(house: Rig, operation: str, members: dict[str, Any], code: str) -> None:
    house.log("x")
    house.store.flush()
    with pytest.raises(AwsError) as refused:
        await house.call(operation, **members)
    assert refused.value.code == code


async def test_a_pattern_is_tried(house: Rig) -> None:
    told = await house.call("TestMetricFilter", filterPattern="{ $.a = 1 }", logEventMessages=['{"a": 2}', '{"a": 1}'])
    assert told == {"matches": [{"eventNumber": 2, "eventMessage": '{"a": 1}', "extractedValues": {}}]}
    told = await house.call("TestMetricFilter", filterPattern="[ip, ..., size > 9]", logEventMessages=["a b 5", "a b 17"])
    assert told == {"matches": [{"eventNumber": 2, "eventMessage": "a b 17", "extractedValues": {"$ip": "a", "$2": "b", "$size": "17"}}]}
