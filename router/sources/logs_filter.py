"""One subscription filter at work: what of a log group's streams is handed over next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from router.config.types import Config
from router.events import cloudwatch_logs
from router.events.cloudwatch_logs import Batch, Line
from router.events.log_patterns import LogPattern
from router.model import Envelope
from router.sources.base import Binding
from router.sources.logs_places import Key, Marks
from router.telemetry import logfollow
from router.telemetry.logfollow import Mark
from router.telemetry.loggroups import LogGroups
from router.telemetry.logpages import Found, event_at, event_id

LOOK: Final = 512 * 1024  # bytes that are read at once: as much becomes one event at most, but for a longer line


@dataclass(slots=True)
class Look:
    """What was found in some streams."""

    envelopes: list[Envelope] = field(default_factory=list)
    events: int = 0  # of log streams, in all of these
    marks: Marks = field(default_factory=dict)  # of streams that were read
    rest: set[str] = field(default_factory=set)  # streams that may have more
    gaps: list[str] = field(default_factory=list)  # streams of which something was gone before it was read


class SubscriptionFilter:
    """A filter, how far it has come, and which streams are to be looked at."""

    def __init__(self, binding: Binding, config: Config) -> None:
        trigger = binding.trigger
        self.key: Key = trigger.key(binding.function.name, binding.index)
        self.target = binding.target
        self.marks: Marks = {}
        self.unsaved: Marks = {}  # of these, those that are not in the store: nothing was handed over
        self.waiting: set[str] = set()  # streams to look at
        self._pattern, self._account = LogPattern.of(trigger.filter_pattern), config.account

    def resume(self, marks: Marks) -> None:
        """It has come as far as this."""
        self.marks, self.unsaved = marks, {}

    def gone(self, logs: LogGroups) -> list[str]:
        """The streams of which nothing is there any more. Blocking."""
        return [name for name in [*self.marks] if logs.stream(self.key[0], name).written() is None]

    def forget(self, streams: Iterable[str]) -> None:
        """These are gone."""
        for name in streams:
            self.marks.pop(name, None)
            self.unsaved.pop(name, None)

    def look(self, names: Sequence[str], logs: LogGroups) -> Look:
        """Read on in these streams. Blocking."""
        found = Look()
        left = LOOK
        for name in names:
            if left > 0:
                before = self.marks.get(name, Mark())
                lines, mark, gap = logfollow.read(logs.stream(self.key[0], name), before, left)
                left -= sum(len(line) for _, line in lines)
                if mark != before:
                    found.marks[name] = mark
                if lines:
                    self._tell(name, filter(None, (event_at(name, line, spot) for spot, line in lines)), mark, found)
                if gap:
                    found.gaps.append(name)
            if left <= 0:
                found.rest.add(name)
        return found

    def _tell(self, stream: str, events: Iterable[Found], mark: Mark, found: Look) -> None:
        """Add the event that tells of these, if the pattern lets any of them pass."""
        group, name = self.key
        lines = [self._line(one) for one in events if self._pattern.matches(one.message)]
        if lines:
            event = cloudwatch_logs.event(Batch(self._account, group, stream, [name], lines))
            found.envelopes.append(Envelope(self.target, orjson.dumps(event), f"logs:{group}", f"{name}:{mark.file}:{lines[0].id}"))
            found.events += len(lines)

    def _line(self, event: Found) -> Line:
        return Line(event_id(self.key[0], event), event.at, event.message, self._pattern.extracted(event.message))
