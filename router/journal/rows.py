"""What stands in the journal's rows: keys, checksums, sizes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import Any, Final, NamedTuple
from zlib import crc32

import orjson

from router.errors import InvalidParameter
from router.journal.base import Beside, EventRow
from router.model import Delivery, Envelope, State

COUNTED: Final = frozenset({State.QUEUED, State.RUNNING, State.RETRYING, State.DEAD, State.EXPIRED})  # states that have a tally
EXHAUSTED: Final = frozenset({State.DEAD, State.EXPIRED, State.DISCARDED})  # states that have an index
ERROR_LIMIT: Final = 64 * 1024  # characters of an error that are kept
DAMAGED: Final = "The payload on disk is damaged: its checksum does not match. The event was not handed to the function."

Tally = dict[tuple[str, State], int]


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event as it goes into the journal."""

    envelope: Envelope
    dedup: bytes | None
    created: float  # epoch seconds
    accepted: float  # the same in the journal's time


class Placed(NamedTuple):
    """Where an accepted event stands."""

    id: int
    due: float | None  # the journal's time; None: behind another of its shard


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of a delivery. *due* is the journal's time, *finished* epoch seconds; one of them is None."""

    delivery: Delivery
    state: State
    due: float | None
    failures: int
    throttles: int
    finished: float | None = None
    error: str | None = None  # None: leave the one that is there
    at: float | None = None  # epoch seconds of a failed attempt; None: the attempt did not fail
    beside: Beside | None = None  # to be done in the same transaction
    keep: bool = True  # its payload


def dedup_key(envelope: Envelope) -> bytes | None:
    """What two envelopes have in common that are one event; None when it is alike no other.

    The head of the sequencer comes first, in clear: sequencers tend to grow, and neighbours in time that are
    neighbours in the index cost one page of it instead of one each. Raises InvalidParameter for text that is not Unicode."""
    try:
        parts = [part.encode() for part in (envelope.function, envelope.source, envelope.shard, envelope.sequencer)]
        envelope.request_id.encode()
    except UnicodeEncodeError as error:
        raise InvalidParameter(f"source, shard and sequencer must be Unicode text: {error}") from error
    if not envelope.sequencer:
        return None
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return parts[3][:8] + digest.digest()


def checksum(payload: bytes) -> int:
    """What is stored beside the payload."""
    return crc32(payload)


def kept_error(error: str) -> str:
    """The error as it is kept: Unicode, at most ERROR_LIMIT characters."""
    clean = error.encode(errors="replace").decode()
    return clean if len(clean) <= ERROR_LIMIT else f"{clean[:ERROR_LIMIT]} … ({len(clean)} characters)"


def delivery(row: Sequence[Any]) -> tuple[Delivery, bool]:
    """A row of the statement "waiting" as the delivery of its next attempt, and whether its payload is what was stored."""
    number, request_id, function, source, shard, sequencer, created, attempt, failures, throttles, digits, check, trace, accepted = row
    payload = bytes.fromhex(digits)
    envelope = Envelope(function, payload, source, sequencer, shard, request_id, trace)
    return Delivery(number, envelope, attempt + 1, failures, created, throttles, accepted), check is not None and checksum(payload) == check


def waiting_state(failures: int) -> State:
    """The state of an unfinished event that does not run."""
    return State.RETRYING if failures else State.QUEUED


def event_row(row: Sequence[Any], ahead: float) -> EventRow:
    """A row of the statements "row" and "page"; *ahead* is how far wall time is ahead of the journal's."""
    _, request_id, function, source, shard, state, attempt, created, due, finished, error, size = row
    shown = None if due is None else due + ahead
    return EventRow(request_id, function, source, shard, State(state), attempt, created, shown, finished, error, size)


def add(tally: Tally, function: str, state: State, amount: int) -> None:
    """Count *amount* more events of *function* in *state*."""
    if state in COUNTED:
        tally[function, state] = tally.get((function, state), 0) + amount


def tally_json(tally: Mapping[tuple[str, State], int]) -> str:
    """JSON [[function, state, how many], ...] of what changed."""
    return json_text([[function, state, count] for (function, state), count in tally.items() if count])


def worth_up_to(sizes: Sequence[int], worth: float) -> int:
    """How many of these, the first ones first, come to *worth* bytes together; all, when they do not."""
    before = accumulate(sizes, initial=0)
    return sum(done < worth for _, done in zip(sizes, before, strict=False))


def json_text(value: object) -> str:
    """JSON as the statements take it."""
    return orjson.dumps(value).decode()
