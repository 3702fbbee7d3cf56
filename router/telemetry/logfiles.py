"""Where log events stand on disk and how one is spelled. Pure.

ROOT/aws/lambda/FUNCTION/2026/11/23/%5B%24LATEST%5D0123….jsonl is the first segment of the stream
`2026/11/23/[$LATEST]0123…` of the log group `/aws/lambda/FUNCTION`; the next ones are ….1.jsonl, ….2.jsonl. Each line
is one event: {"t": epoch milliseconds, "m": message}; a message may hold newlines. A log group of another name stands in
ROOT/groups/NAME instead, and its streams name the function: FUNCTION%5B…. Format for people: docs/telemetry.md."""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from math import floor
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import orjson

from router.events import tracing
from router.telemetry.report import Report

NAMED: Final = "_"  # directory of a group's streams whose names begin with no day: those that somebody made through the API
_DATED: Final = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/[^/]+")
_FUNCTION: Final = re.compile(r"/aws/lambda/([A-Za-z0-9_-]{1,140})")
_LONGEST_FILE: Final = 200  # bytes of a name on disk, before .N.jsonl
LONGEST: Final = 1024 * 1024  # characters of one message: CloudWatch Logs quotas, "Event size"
_SEGMENT: Final = re.compile(r"(?P<stem>.+?)(?:\.(?P<number>[1-9]\d{0,9}))?\.jsonl")
_TIME: Final = re.compile(rb'\{"t":(\d{1,16}),"m":"')


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One log event as it was written."""

    function: str
    stream: str
    at: float  # epoch seconds, whole milliseconds
    message: str


def group(root: Path, function: str, name: str = "") -> Path:
    """The directory of a function's log group. *name*: "" when it is the function's own; another function's own it can be, too."""
    theirs = _FUNCTION.fullmatch(name)
    if theirs:
        function = theirs[1]
    elif name:
        return shared(root) / stem_of(name)  # no name means a directory above
    return root / "aws" / "lambda" / quote(function, safe="")


def shared(root: Path) -> Path:
    """The directory of log groups that are no function's own."""
    return root / "groups"


def directory(root: Path, function: str, stream: str, name: str = "") -> Path:
    """The directory in which a stream's segments stand: that of the day in its name. *name*: of its group, as in group()."""
    place = group(root, function, name)
    return place.joinpath(*stream.split("/")[:-1]) if dated(stream) else place / NAMED


def dated(stream: str) -> bool:
    """Whether a stream's name begins with a day, as those of environments do."""
    return _DATED.fullmatch(stream) is not None


def owned(name: str) -> tuple[str, str]:
    """A log group by its name, as group() takes it: its function and "", or "" and its name."""
    found = _FUNCTION.fullmatch(name)
    return (found[1], "") if found else ("", name)


def stem_of(name: str) -> str:
    """A name as one step of a path; of one that is too long a digest."""
    text = quote(name, safe="").replace(".", "%2E")
    return text if len(text) <= _LONGEST_FILE else "~" + hashlib.sha256(name.encode()).hexdigest()


def owner(stem: str, function: str = "") -> str:
    """Whose stream it is, by the last part of its name: streams of shared groups tell. *function*: whose group it stands in, which may have
    streams of others too; "" for a shared one."""
    name, version, _ = stem.partition("[")
    return name if name and (version or not function) else function


def segment(stream: str, number: int) -> str:
    """The file name of one segment of a stream, counted from 0."""
    stem = stem_of(stream.rsplit("/", 1)[-1] if dated(stream) else stream)
    return f"{stem}.{number}.jsonl" if number else f"{stem}.jsonl"


def parse_segment(name: str) -> tuple[str, int] | None:
    """The last part of the stream's name and the segment's number; None for another file."""
    found = _SEGMENT.fullmatch(name)
    return (unquote(found["stem"]), int(found["number"] or 0)) if found else None


def encoded(at: float, message: str) -> bytes:
    """One event as a line; a message that is too long is cut and says so."""
    if len(message) > LONGEST:
        message = f"{message[:LONGEST]}… [{len(message) - LONGEST} more characters]"
    event = {"t": int(at * 1000), "m": message}
    try:
        return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half a surrogate pair, which UTF-8 has no spelling for; the escape has
        return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def started(at: float, event: str) -> bytes:
    """encoded() of a START, which holds nothing that JSON escapes; at a third of the cost."""
    return f'{{"t":{floor(at * 1000)},"m":"{event}"}}\n'.encode()


def ended(at: float, told: Report) -> bytes:
    """encoded() of END and REPORT, likewise; nothing for all but the plainest of reports."""
    request_id, duration, billed, memory, most, init, status, _, _, trace, restore = told
    if status or init is not None or restore is not None or tracing.sampled(trace):
        return b""
    start = f'{{"t":{floor(at * 1000)},"m":"'
    return (
        f'{start}END RequestId: {request_id}"}}\n{start}REPORT RequestId: {request_id}\\tDuration: {duration:.2f} ms'
        f'\\tBilled Duration: {billed} ms{_memory(memory, most)}"}}\n'
    ).encode()


@lru_cache(maxsize=256)
def _memory(configured: int, most: int) -> str:
    return f"\\tMemory Size: {configured} MB\\tMax Memory Used: {most} MB\\t"


def time_of(line: bytes) -> float | None:
    """The time of an event, epoch seconds, without parsing its message; None when the line is torn."""
    found = _TIME.match(line)
    return int(found[1]) / 1000 if found else None


def decoded(line: bytes) -> tuple[float, str] | None:
    """Time and message of a line; None when it is torn (a full disk, a crash). The message can be printed as UTF-8."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            found = json.loads(line)
        except ValueError:
            return None
    match found:
        case {"t": int(at), "m": str(message)}:
            return at / 1000, message if message.isascii() else message.encode("utf-8", "backslashreplace").decode()
    return None
