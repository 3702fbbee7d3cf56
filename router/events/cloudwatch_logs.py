"""What a CloudWatch Logs subscription filter sends to a function: JSON, gzipped, in base64.

Pure: facts in, dict out. Sources: CloudWatch Logs user guide, "Subscription filters with Lambda"; sample in
tests/golden/cloudwatch_logs_subscription.json."""

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

DATA: Final = "DATA_MESSAGE"
CONTROL: Final = "CONTROL_MESSAGE"  # asks whether the function can be reached; it carries no log of anybody's


@dataclass(frozen=True, slots=True)
class Line:
    """One log event."""

    id: str  # 56 digits
    at: int  # epoch milliseconds
    message: str
    extracted: Mapping[str, str] | None = None  # column → value, where the filter's pattern has columns


@dataclass(frozen=True, slots=True)
class Batch:
    """Log events of one stream that the filters let pass."""

    owner: str  # account
    group: str
    stream: str
    filters: Sequence[str]
    lines: Sequence[Line]
    kind: str = DATA


def event(batch: Batch) -> dict[str, Any]:
    """{"awslogs": {"data": …}}. The same batch gives the same bytes: the gzip header carries no time.

    Raises UnicodeEncodeError when a message holds half a surrogate pair."""
    data = {
        "messageType": batch.kind,
        "owner": batch.owner,
        "logGroup": batch.group,
        "logStream": batch.stream,
        "subscriptionFilters": list(batch.filters),
        "logEvents": [_told(line) for line in batch.lines],
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return {"awslogs": {"data": b64encode(gzip.compress(text, mtime=0)).decode()}}


def _told(line: Line) -> dict[str, Any]:
    told: dict[str, Any] = {"id": line.id, "timestamp": line.at, "message": line.message}
    return told if line.extracted is None else told | {"extractedFields": dict(line.extracted)}
