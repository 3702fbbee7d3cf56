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


def function_arn(region: str, account: str, name: str) -> str:
    """The unqualified ARN of a function."""
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def base(target: str) -> str:
    """The function's name in what an envelope is addressed to: NAME, or NAME:QUALIFIER."""
    return target.partition(":")[0]


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


_AHEAD: Final = 256


def _tails() -> list[str]:
    """What follows the time in a request id."""
    drawn = os.urandom(10 * _AHEAD).hex()
    return [
        f"-4{chance[:3]}-{'89ab'[int(chance[3], 16) & 3]}{chance[4:7]}-{chance[8:]}"
        for chance in (drawn[at : at + 20] for at in range(0, len(drawn), 20))
    ]


def _short() -> list[str]:
    drawn = urlsafe_b64encode(os.urandom(12 * _AHEAD)).decode()
    return [f"{drawn[at : at + 15]}=" for at in range(0, len(drawn), 16)]


def _hex() -> list[str]:
    drawn = os.urandom(12 * _AHEAD).hex()
    return [drawn[at : at + 24] for at in range(0, len(drawn), 24)]


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
        self.tails, self.short, self.hex = _endless(_tails), _endless(_short), _endless(_hex)


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
