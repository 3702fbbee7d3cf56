"""CloudWatch Logs: what is read. GetLogEvents, FilterLogEvents, TestMetricFilter."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from router.api.aws.logs import tokens
from router.api.aws.logs.place import Place, invalid, no_group, no_stream, number, stream_name, text, texts
from router.api.aws.service import Call, Members
from router.events.log_conditions import BadPattern
from router.events.log_patterns import LogPattern
from router.telemetry import logpages, logsearch
from router.telemetry.loggroups import LogGroups
from router.telemetry.logpages import END, EVENTS, Found, Span, Spot

AT_ONCE: Final = 2  # calls that read from disk: others wait, and so does nobody else
NAMES: Final = 100  # streams that FilterLogEvents may name
LATEST: Final = 2**62


class Reading:
    """Reads log events."""

    def __init__(self, groups: LogGroups, place: Place) -> None:
        self._groups, self._place = groups, place
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def events(self, call: Call) -> Members:
        """GetLogEvents."""
        members = call.parameters
        group, name = self._place.group(members), stream_name(members)
        since, until = _times(members)
        limit = number(members, "limit", EVENTS, low=1, high=EVENTS)
        forward, spot = members.get("startFromHead") is True, None
        if members.get("nextToken") is not None:
            forward, spot = tokens.way(text(members, "nextToken"))
        await self._check(group, name)
        stream, span = self._groups.stream(group, name), Span(since, until - 1)
        read = stream.forwards if forward else stream.backwards
        start = (Spot() if forward else END) if spot is None else spot
        async with self._turns:
            page = await asyncio.to_thread(read, start, span, limit)
        return {
            "events": [_told(event) for event in page.events],
            "nextForwardToken": tokens.of_page(page.behind, forward=True),
            "nextBackwardToken": tokens.of_page(page.before, forward=False),
        }

    async def search(self, call: Call) -> Members:
        """FilterLogEvents."""
        members = call.parameters
        group, (since, until) = self._place.group(members), _times(members)
        limit = number(members, "limit", EVENTS, low=1, high=EVENTS)
        pattern = pattern_of(text(members, "filterPattern", ""))
        mark = tokens.mark(text(members, "nextToken")) if members.get("nextToken") is not None else None
        wanted = self._wanted(members)
        await self._check(group, *texts(members, "logStreamNames"))
        after = max(since, mark.at if mark else 0) / 1000

        def look() -> logsearch.Hits:
            found = logpages.streams(self._groups.place(group), list(self._groups.made(group)), after, wanted)
            return logsearch.search(found, Span(since, until), mark, pattern.matches, limit)

        async with self._turns:
            hits = await asyncio.to_thread(look)
        events = [{"logStreamName": event.stream, **_told(event), "eventId": logpages.event_id(group, event)} for event in hits.events]
        made: dict[str, Any] = {"events": events, "searchedLogStreams": []}
        return made | ({"nextToken": tokens.of_search(hits.mark)} if hits.mark else {})

    async def test(self, call: Call) -> Members:
        """TestMetricFilter: which messages match, and the values of their columns; of JSON none are extracted."""
        pattern = pattern_of(text(call.parameters, "filterPattern"))
        messages = texts(call.parameters, "logEventMessages")
        return {
            "matches": [
                {"eventNumber": at, "eventMessage": one, "extractedValues": _columns(pattern, one)}
                for at, one in enumerate(messages, 1)
                if pattern.matches(one)
            ]
        }

    async def _check(self, group: str, *streams: str) -> None:
        if not await self._groups.has(group):
            raise no_group()
        for stream in streams:
            if not await self._groups.has_stream(group, stream):
                raise no_stream()

    @staticmethod
    def _wanted(members: Members) -> Callable[[str], bool]:
        names, prefix = texts(members, "logStreamNames"), text(members, "logStreamNamePrefix", "")
        if names and prefix:
            raise invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
        if len(names) > NAMES:
            raise invalid(f"1 validation error detected: 'logStreamNames' has more than {NAMES} members")
        chosen = frozenset(names)
        return chosen.__contains__ if chosen else lambda name: name.startswith(prefix)


def pattern_of(pattern: str) -> LogPattern:
    """A filter pattern. Raises AwsError."""
    try:
        return LogPattern.of(pattern)
    except BadPattern as error:
        raise invalid(f"Invalid filter pattern: {error}") from None


def _columns(pattern: LogPattern, message: str) -> dict[str, str]:
    return {f"${name}": value for name, value in (pattern.extracted(message) or {}).items()}


def _times(members: Members) -> tuple[int, int]:
    return number(members, "startTime", 0, low=0, high=LATEST), number(members, "endTime", LATEST, low=0, high=LATEST)


def _told(event: Found) -> dict[str, Any]:
    return {"timestamp": event.at, "message": event.message, "ingestionTime": event.at}
