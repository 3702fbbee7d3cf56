"""S3 event notifications, record version 2.1, as Lambda receives them.

Pure: facts in, dict out. Sources: Amazon S3 user guide, "Event message structure", "Event types", "Filtering"; samples in
tests/golden/s3_*.json. Not covered: versioned buckets (versionId is left out), replication, life cycles."""

import base64
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote_plus

from router import names

S3Event = dict[str, Any]

CREATED: Final = "ObjectCreated:Put"
REMOVED: Final = "ObjectRemoved:Delete"
PRODUCED: Final = frozenset({CREATED, REMOVED})  # what happens to files of a directory

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "ObjectCreated": ("Put", "Post", "Copy", "CompleteMultipartUpload"),
    "ObjectRemoved": ("Delete", "DeleteMarkerCreated"),
    "ObjectRestore": ("Post", "Completed", "Delete"),
    "ObjectTagging": ("Put", "Delete"),
    "ObjectAcl": ("Put",),
    "LifecycleExpiration": ("Delete", "DeleteMarkerCreated"),
    "Replication": (
        "OperationFailedReplication",
        "OperationMissedThreshold",
        "OperationReplicatedAfterThreshold",
        "OperationNotTracked",
    ),
}
SINGLE: Final = frozenset({"ReducedRedundancyLostObject", "LifecycleTransition", "IntelligentTiering", "TestEvent"})
_NO_WILDCARD: Final = frozenset({"ObjectAcl"})  # AWS lists its one member only
_KNOWN: Final = (
    frozenset(f"{family}:{member}" for family, members in FAMILIES.items() for member in members)
    | frozenset(f"{family}:*" for family in FAMILIES if family not in _NO_WILDCARD)
    | SINGLE
)
_NAMESPACE: Final = uuid.UUID("6f0b8b5e-2a54-5c9b-9a3f-0d3c6e1d7a11")  # ours, for configurationId


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """What a source knows about one changed object."""

    bucket: str
    key: str  # as stored; percent-encoded only inside the event
    size: int  # bytes; not told of removals
    etag: str  # lower-case hex, without quotes; not told of removals
    sequencer: str  # hex; orders the changes of one key and nothing else
    at: datetime  # timezone-aware


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes a trigger wants."""

    events: frozenset[str]  # names without "s3:"
    prefix: str = ""
    suffix: str = ""

    def matches(self, name: str, key: str) -> bool:
        """Whether event *name* of *key* (as stored, not encoded) is wanted."""
        return name in self.events and self.covers(key)

    def covers(self, key: str) -> bool:
        """Whether *key* is inside prefix and suffix."""
        return key.startswith(self.prefix) and key.endswith(self.suffix)


def notification(change: ObjectChange, *, name: str, region: str, account: str, configuration: str) -> S3Event:
    """Build {"Records": [record]}; *name* has no "s3:" prefix, eventTime is UTC with milliseconds.

    Raises ValueError when change.at is naive: its offset would be a guess; UnicodeEncodeError when the key is not text."""
    if change.at.tzinfo is None:
        raise ValueError("the time of an object change needs a time zone")
    stored: dict[str, Any] = {"key": encoded(change.key)}
    if name.startswith("ObjectCreated:"):
        stored |= {"size": change.size, "eTag": change.etag}
    stored["sequencer"] = change.sequencer
    request, host = _response_ids(change)
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": change.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventName": name,
        "userIdentity": {"principalId": _identity("AWS:AIDA", 17, account)},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": request, "x-amz-id-2": host},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": change.bucket,
                "ownerIdentity": {"principalId": _identity("A", 13, account)},
                "arn": names.bucket_arn(change.bucket),
            },
            "object": stored,
        },
    }
    return {"Records": [record]}


def encoded(key: str) -> str:
    """*key* as form data, `/` kept: a handler's unquote_plus gives it back."""
    return quote_plus(key, safe="/")


def sequencer(at_ns: int, previous: str = "", stir: int = 0) -> str:
    """The sequencer of a change at *at_ns* (epoch nanoseconds), greater than *previous* of the same key.

    `00`, 8 hex digits of epoch seconds, 8 of the sub-second part in 1/2**32 s, as in all recorded samples. When time did not
    move on, *stir* (a small number made of the change itself) keeps two different successors of one version apart."""
    value = (at_ns << 32) // 1_000_000_000
    if previous:
        value = max(value, int(previous, 16) + 1 + stir) if value <= int(previous, 16) else value
    return f"{value:018X}"


def event_names(pattern: str) -> frozenset[str]:
    """The events a directory can produce that *pattern* (AWS's spelling, with or without "s3:") names.

    Raises ValueError with a sentence that says what would be right."""
    spelled = pattern.removeprefix("s3:")
    if spelled not in _KNOWN:
        close = get_close_matches(spelled, sorted(_KNOWN), n=1)
        raise ValueError(f"unknown S3 event {pattern!r}" + (f", did you mean s3:{close[0]}?" if close else ""))
    family, _, member = spelled.partition(":")
    wanted = {f"{family}:{one}" for one in FAMILIES.get(family, ())} if member == "*" else {spelled}
    if produced := frozenset(wanted & PRODUCED):
        return produced
    raise ValueError(f"no file in a directory causes s3:{spelled}; use s3:ObjectCreated:* (or :Put), s3:ObjectRemoved:* (or :Delete)")


def configuration_id(function: str, bucket: str, wanted: Filter) -> str:
    """A configurationId that stays the same as long as the trigger says the same."""
    return str(uuid.uuid5(_NAMESPACE, "\0".join((function, bucket, *sorted(wanted.events), wanted.prefix, wanted.suffix))))


def _response_ids(change: ObjectChange) -> tuple[str, str]:
    """x-amz-request-id and x-amz-id-2: made of the change, so that telling it again tells the same."""
    digest = hashlib.blake2b(f"{change.bucket}\0{change.key}\0{change.sequencer}".encode()).digest()
    return digest[:8].hex().upper(), base64.b64encode(digest[8:]).decode()


@lru_cache(maxsize=8)
def _identity(prefix: str, length: int, account: str) -> str:
    """An id in the form of AWS's, always the same for one account."""
    return prefix + base64.b32encode(hashlib.blake2b(f"{prefix}{account}".encode(), digest_size=20).digest()).decode()[:length]
