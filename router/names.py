"""ARNs, ids and AWS's spellings of time. Pure but for the ids, which are random.

Sources: IAM user guide, "Amazon Resource Names"; the samples under tests/golden."""

import os
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from math import floor
from typing import Final

LATEST: Final = "$LATEST"
LOG_GROUP: Final = r"[.\-_/#A-Za-z0-9]{1,512}"  # a log group's name: CloudWatch Logs API reference, CreateLogGroup
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def function_arn(region: str, account: str, name: str) -> str:
    """The unqualified ARN of a function."""
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def base(target: str) -> str:
    """The function's name in what an envelope is addressed to: NAME, or NAME:QUALIFIER."""
    return target.partition(":")[0]


def covers(wanted: str, target: str) -> bool:
    """Whether *target* is what is *wanted*: a function with its versions and aliases, or one of these; "" is all."""
    return wanted in {"", target, base(target)}


def bucket_arn(name: str) -> str:
    """The ARN of a bucket; it carries neither region nor account."""
    return f"arn:aws:s3:::{name}"


def queue_arn(region: str, account: str, name: str) -> str:
    """The ARN of a queue."""
    return f"arn:aws:sqs:{region}:{account}:{name}"


def topic_arn(region: str, account: str, name: str) -> str:
    """The ARN of a topic."""
    return f"arn:aws:sns:{region}:{account}:{name}"


def rule_arn(region: str, account: str, name: str, bus: str = "default") -> str:
    """The ARN of an EventBridge rule; the default bus is not named in it."""
    return f"arn:aws:events:{region}:{account}:rule/{name if bus == 'default' else f'{bus}/{name}'}"


def bus_arn(region: str, account: str, name: str) -> str:
    """The ARN of an event bus."""
    return f"arn:aws:events:{region}:{account}:event-bus/{name}"


def schedule_arn(region: str, account: str, name: str, group: str = "default") -> str:
    """The ARN of an EventBridge Scheduler schedule."""
    return f"arn:aws:scheduler:{region}:{account}:schedule/{group}/{name}"


def table_arn(region: str, account: str, name: str) -> str:
    """The ARN of a DynamoDB table."""
    return f"arn:aws:dynamodb:{region}:{account}:table/{name}"


def stream_arn(region: str, account: str, table: str, label: str) -> str:
    """The ARN of a DynamoDB table's stream; *label* is the stream's creation time, e.g. 2016-12-01T00:00:00.000."""
    return f"arn:aws:dynamodb:{region}:{account}:table/{table}/stream/{label}"


def schedule_group_arn(region: str, account: str, name: str) -> str:
    """The ARN of a group of EventBridge Scheduler's schedules."""
    return f"arn:aws:scheduler:{region}:{account}:schedule-group/{name}"


def log_group_arn(region: str, account: str, name: str) -> str:
    """The ARN of a log group, without the :* that stands for its streams."""
    return f"arn:aws:logs:{region}:{account}:log-group:{name}"


def log_group(function: str) -> str:
    """The log group of a function."""
    return f"/aws/lambda/{function}"


def log_stream(at: float, version: str = LATEST, function: str = "") -> str:
    """A fresh log stream name for an environment made at *at* (epoch seconds): YYYY/MM/DD/[version]32 hex.

    *function*: named before the version in a log group that is not the function's own."""
    return f"{datetime.fromtimestamp(at, UTC):%Y/%m/%d}/{function}[{version}]{uuid.uuid4().hex}"


def request_id() -> str:
    """A fresh request id in the form of Lambda's, a UUID of version 4.

    Its first 48 bits are the time in milliseconds, so that ids made one after another are neighbours in the journal's
    index: entirely random ones cost a page of it each. The other 74 bits are random."""
    return _stamp(time.time_ns() // 1_000_000) + next(_stock.tails)


def gateway_id() -> str:
    """A fresh id in the form of API Gateway's: 15 characters of base64 and an equals sign, LV7fzho-PHcEJPw=."""
    return next(_stock.short)


def chance() -> str:
    """24 hexadecimal digits: 96 random bits."""
    return next(_stock.hex)


def span() -> str:
    """16 hexadecimal digits: 64 random bits."""
    return next(_stock.spans)


_AHEAD: Final = 256
_TAIL: Final = "-4xxx-vxxx-xxxxxxxxxxxx "  # what follows the time in a request id: x a random digit, v one that tells a UUID's variant
_SHORT: Final = "xxxxxxxxxxxxxxx= "  # 11 random bytes in base64
_VARIANT: Final = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)


# A whole stock is written column by column, and split: id by id, even of parts that were split before, it took eight times the instructions.


def _tails() -> list[str]:
    return _columns(_TAIL, os.urandom(10 * _AHEAD).hex().encode(), 20)


def _short() -> list[str]:
    drawn = bytearray(os.urandom(12 * _AHEAD))
    drawn[11::12] = bytes(_AHEAD)  # padding
    return _columns(_SHORT, urlsafe_b64encode(drawn), 16)


def _columns(pattern: str, digits: bytes, drawn: int) -> list[str]:
    """A stock of what a pattern spells, each of *drawn* digits."""
    width, left = len(pattern), iter(range(drawn))
    table = bytearray(pattern.encode() * _AHEAD)
    for column, letter in enumerate(pattern):
        if letter in "xv":
            taken = digits[next(left) :: drawn]
            table[column::width] = taken.translate(_VARIANT) if letter == "v" else taken
    return table.decode().split()


def _hex(size: int) -> list[str]:
    """*size* random bytes each."""
    return _digits(os.urandom(size * _AHEAD), size)


def _digits(data: bytes | bytearray, size: int) -> list[str]:
    return data.hex(" ", size).split()


@lru_cache(maxsize=16)
def _stamp(at: int) -> str:
    """The first 48 bits of a request id: epoch milliseconds."""
    stamp = f"{at:012x}"[-12:]
    return f"{stamp[:8]}-{stamp[8:]}"


class _Stock:
    """Ids that were drawn in advance, many at once: one for a request must not cost a system call. Any thread may take some."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Throw them away: two processes must not draw the same."""
        self.tails, self.short = _endless(_tails), _endless(_short)
        self.hex, self.spans = _endless(lambda: _hex(12)), _endless(lambda: _hex(8))


def _endless(drawn: Callable[[], list[str]]) -> Iterator[str]:
    """What *drawn* gives, again and again. No generator: those cannot be asked by two threads at once."""
    return chain.from_iterable(iter(drawn, None))


_stock: Final = _Stock()
os.register_at_fork(after_in_child=_stock.renew)


def iso_ms(at: float) -> str:
    """Epoch seconds as 2019-09-03T19:37:27.192Z."""
    return iso_of_ms(floor(at * 1000))


def iso_of_ms(at: int) -> str:
    """Epoch milliseconds as 2019-09-03T19:37:27.192Z."""
    second, ms = divmod(at, 1000)
    return f"{_second(second)}.{ms:03d}Z"


def iso_s(at: float) -> str:
    """Epoch seconds as 2015-10-08T16:53:06Z."""
    return f"{_second(floor(at))}Z"


@lru_cache(maxsize=16)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def moment(text: str, now: float) -> float:
    """`10m`, `2h`, `1d` ago, or an ISO 8601 time (UTC unless it says otherwise) as epoch seconds. Raises ValueError."""
    number = text[:-1].replace(".", "", 1)
    if text[-1:] in _SECONDS and number.isascii() and number.isdigit():
        return now - float(text[:-1]) * _SECONDS[text[-1]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither an age such as 10m, 2h, 1d nor a time such as 2026-11-23T08:00:00Z") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
