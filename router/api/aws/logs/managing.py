"""CloudWatch Logs: groups and streams made, listed and deleted, what is written by hand, retention and tags."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from router.api.aws.logs import tokens
from router.api.aws.logs.place import Place, group_name, invalid, mapping, no_group, no_stream, number, stream_name, text, texts
from router.api.aws.service import AwsError, Call, Members
from router.clock import Clock
from router.telemetry import logpages
from router.telemetry.logfiles import LONGEST
from router.telemetry.loggroups import DAY, Group, LogGroups

PAGE: Final = 50
DAYS: Final = frozenset((1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653))
TAGS: Final = 50
BATCH: Final = 10_000  # events of one PutLogEvents
BATCH_BYTES: Final = 1_048_576
NEW: Final = logpages.AHEAD  # seconds that an event may be in the future
OLD: Final = 14 * DAY  # seconds that it may be old
SPAN: Final = 86_400_000  # milliseconds that a batch may span
SEQUENCE: Final = "4" + "9" * 55  # nobody asks for it any more


class Row(NamedTuple):
    """A stream as it is listed."""

    name: str
    made: int  # epoch milliseconds
    first: int | None  # events, epoch milliseconds
    last: int | None
    written: int | None


class Managing:
    """Log groups and streams."""

    def __init__(self, groups: LogGroups, place: Place, clock: Clock, removed: Callable[[str], Awaitable[None]]) -> None:
        """*removed*: what else goes with a group of that name."""
        self._groups, self._place, self._clock, self._removed = groups, place, clock, removed
        self._turns = asyncio.Semaphore(2)  # listings that read from disk at one time

    # -- groups

    async def create_group(self, call: Call) -> Members:
        """CreateLogGroup."""
        members = call.parameters
        name, tags = group_name(text(members, "logGroupName")), _checked(mapping(members, "tags"))
        if members.get("kmsKeyId") or text(members, "logGroupClass", "STANDARD") != "STANDARD" or members.get("deletionProtectionEnabled"):
            raise invalid("kmsKeyId, deletionProtectionEnabled and other classes than STANDARD are not supported here.")
        if await self._groups.has(name):
            raise AwsError("ResourceAlreadyExistsException", "The specified log group already exists")
        await self._groups.keep(name, Group(int(self._clock.now() * 1000), None, tags))
        return {}

    async def delete_group(self, call: Call) -> Members:
        """DeleteLogGroup."""
        name = await self._known(call)
        await self._removed(name)
        await self._groups.remove(name)
        return {}

    async def groups(self, call: Call) -> Members:
        """DescribeLogGroups."""
        members = call.parameters
        prefix, part = text(members, "logGroupNamePrefix", ""), text(members, "logGroupNamePattern", "")
        if prefix and part:
            raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        limit, after = number(members, "limit", PAGE, low=1, high=PAGE), tokens.after(members)
        chosen = {self._place.named(one) for one in texts(members, "logGroupIdentifiers")}
        found = [name for name in await self._groups.names() if name.startswith(prefix) and part in name and (not chosen or name in chosen)]
        rest = [name for name in found if name > after]
        made: dict[str, Any] = {"logGroups": [await self._group(name) for name in rest[:limit]]}
        return made | ({"nextToken": tokens.packed(rest[limit - 1])} if len(rest) > limit else {})

    async def _group(self, name: str) -> dict[str, Any]:
        group, arn = await self._groups.group(name), self._place.arn(name)
        made = {
            "logGroupName": name,
            "creationTime": group.made,
            "metricFilterCount": 0,
            "arn": f"{arn}:*",
            "logGroupArn": arn,
            "storedBytes": await asyncio.to_thread(logpages.size_of, self._groups.place(name)),
            "logGroupClass": "STANDARD",
        }
        days = int((self._groups.retention(name) or 0) // DAY)
        return made | ({"retentionInDays": days} if days else {})

    async def retain(self, call: Call) -> Members:
        """PutRetentionPolicy."""
        days = call.parameters.get("retentionInDays")
        if isinstance(days, bool) or not isinstance(days, int) or days not in DAYS:
            raise invalid(f"1 validation error detected: 'retentionInDays' must be one of {', '.join(map(str, sorted(DAYS)))}")
        await self._change(await self._known(call), retention=days)
        return {}

    async def retain_no_more(self, call: Call) -> Members:
        """DeleteRetentionPolicy: what config.yaml says holds again."""
        await self._change(await self._known(call), retention=None)
        return {}

    async def _change(self, name: str, **facts: Any) -> None:
        await self._groups.keep(name, (await self._groups.group(name))._replace(**facts))

    # -- tags

    async def tags(self, call: Call) -> Members:
        """ListTagsForResource, ListTagsLogGroup."""
        return {"tags": dict((await self._groups.group(await self._known(call))).tags)}

    async def tag(self, call: Call) -> Members:
        """TagResource, TagLogGroup."""
        name = await self._known(call)
        await self._change(name, tags=_checked({**(await self._groups.group(name)).tags, **mapping(call.parameters, "tags")}))
        return {}

    async def untag(self, call: Call) -> Members:
        """UntagResource, UntagLogGroup."""
        name = await self._known(call)
        gone = set(texts(call.parameters, "tagKeys") or texts(call.parameters, "tags"))
        await self._change(name, tags={key: value for key, value in (await self._groups.group(name)).tags.items() if key not in gone})
        return {}

    # -- streams

    async def create_stream(self, call: Call) -> Members:
        """CreateLogStream."""
        group, name = await self._known(call), stream_name(call.parameters)
        if await self._groups.has_stream(group, name):
            raise AwsError("ResourceAlreadyExistsException", "The specified log stream already exists")
        await self._groups.make(group, name)
        return {}

    async def delete_stream(self, call: Call) -> Members:
        """DeleteLogStream."""
        group, name = await self._known(call), stream_name(call.parameters)
        if not await self._groups.has_stream(group, name):
            raise no_stream()
        await self._groups.unmake(group, name)
        return {}

    async def streams(self, call: Call) -> Members:
        """DescribeLogStreams."""
        members = call.parameters
        group, prefix = await self._known(call), text(members, "logStreamNamePrefix", "")
        by_time = text(members, "orderBy", "LogStreamName") == "LastEventTime"
        if by_time and prefix:
            raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        limit, descending = number(members, "limit", PAGE, low=1, high=PAGE), members.get("descending") is True
        after = tokens.unpacked(text(members, "nextToken")) if members.get("nextToken") is not None else None
        if after is not None and not _is_key(after):
            raise invalid("The specified nextToken is invalid.")
        async with self._turns:
            keyed = await asyncio.to_thread(self._keyed, group, prefix, by_time=by_time)
            keyed.sort(reverse=descending)
            if isinstance(after, list):
                keyed = [key for key in keyed if (key < after if descending else key > after)]
            rows = await asyncio.to_thread(lambda: [self._row(group, name) for _, name in keyed[:limit]])
        made: dict[str, Any] = {"logStreams": [self._stream(group, row) for row in rows]}
        return made | ({"nextToken": tokens.packed(keyed[limit - 1])} if len(keyed) > limit else {})

    def _keyed(self, group: str, prefix: str, *, by_time: bool) -> list[list[Any]]:
        """All streams, each as what it is ordered by and its name: the time of its last event, or nothing. Blocking."""
        made, place = list(self._groups.made(group)), self._groups.place(group)
        found = {one.name: one for one in logpages.streams(place, made, wanted=lambda name: name.startswith(prefix))}
        names = found.keys() | {name for name in made if name.startswith(prefix)}
        return [[((found[name].times() if name in found else None) or (0, 0))[1] if by_time else 0, name] for name in names]

    def _row(self, group: str, name: str) -> Row:
        stream = self._groups.stream(group, name)
        times, written = stream.times(), stream.written()
        first, last = times or (None, None)
        made = self._groups.made(group).get(name, first or 0)
        return Row(name, made, first, last, None if written is None or times is None else int(written * 1000))

    def _stream(self, group: str, row: Row) -> dict[str, Any]:
        made: dict[str, Any] = {
            "logStreamName": row.name,
            "creationTime": row.made,
            "firstEventTimestamp": row.first,
            "lastEventTimestamp": row.last,
            "lastIngestionTime": row.written,
            "uploadSequenceToken": SEQUENCE,
            "arn": self._place.resource(group, row.name),
            "storedBytes": 0,
        }
        return {key: value for key, value in made.items() if value is not None}

    # -- writing

    async def put(self, call: Call) -> Members:
        """PutLogEvents."""
        group, name = await self._known(call), stream_name(call.parameters)
        if not await self._groups.has_stream(group, name):
            raise no_stream()
        events = _events(call.parameters)
        start, stop, rejected = _accepted([at for at, _ in events], self._clock.now(), self._groups.retention(group))
        if events[start:stop]:
            await self._groups.write(group, name, events[start:stop])
        return {"nextSequenceToken": SEQUENCE, **({"rejectedLogEventsInfo": rejected} if rejected else {})}

    async def _known(self, call: Call) -> str:
        resource = call.parameters.get("resourceArn")
        group = self._place.named(text(call.parameters, "resourceArn")) if resource is not None else self._place.group(call.parameters)
        if not await self._groups.has(group):
            raise no_group()
        return group


def _events(members: Members) -> list[tuple[int, str]]:
    """The events of a batch. Raises AwsError."""
    given = members.get("logEvents")
    if not isinstance(given, Sequence) or isinstance(given, str) or not 1 <= len(given) <= BATCH:
        raise invalid(f"1 validation error detected: 'logEvents' has 1 to {BATCH} members")
    events = []
    for one in given:
        at, message = (one.get("timestamp"), one.get("message")) if isinstance(one, dict) else (None, None)
        if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < 2**52 or not isinstance(message, str) or not message:
            raise invalid("1 validation error detected: an event has a timestamp in milliseconds and a message of at least one character")
        events.append((at, message))
    if any(before > after for (before, _), (after, _) in pairwise(events)):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    if events[-1][0] - events[0][0] > SPAN:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    sizes = [len(message.encode(errors="surrogatepass")) + logpages.OVERHEAD for _, message in events]
    if sum(sizes) > BATCH_BYTES or max(sizes) > LONGEST:
        raise invalid(f"Upload too large: {sum(sizes)} bytes exceeds limit of {BATCH_BYTES}")
    return events


def _accepted(times: Sequence[int], now: float, retention: float | None) -> tuple[int, int, dict[str, int]]:
    """Which events of a batch are taken, from and to, and what is said of the others."""
    rejected: dict[str, int] = {}
    stop = sum(at <= (now + NEW) * 1000 for at in times)
    start = sum(at < (now - OLD) * 1000 for at in times)
    expired = sum(at < (now - retention) * 1000 for at in times) if retention else 0
    if stop < len(times):
        rejected["tooNewLogEventStartIndex"] = stop
    if start:
        rejected["tooOldLogEventEndIndex"] = start
    if expired:
        rejected["expiredLogEventEndIndex"] = expired
    return max(start, expired), stop, rejected


def _checked(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > TAGS or any(not 1 <= len(key) <= 128 or len(value) > 256 or key.startswith("aws:") for key, value in tags.items()):
        raise invalid(f"A log group has {TAGS} tags at most, with keys of 1 to 128 characters and values of 256 at most.")
    try:
        "".join((*tags, *tags.values())).encode()
    except UnicodeEncodeError:
        raise invalid("A tag is Unicode text.") from None
    return tags


def _is_key(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], int) and isinstance(value[1], str)
