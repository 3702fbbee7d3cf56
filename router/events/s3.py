"""S3 event notifications as Lambda receives them, and the rules of which event a trigger wants.

Pure: facts in, dict out. Sources: Amazon S3 user guide, "Event message structure", "Event types", "Filtering"; samples in
tests/golden/s3_*.json. Not covered: replication, life cycles, intelligent tiering (no sample shows their extra blocks)."""

import base64
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

from router import names

S3Event = dict[str, Any]

CREATED: Final = "ObjectCreated:Put"
REMOVED: Final = "ObjectRemoved:Delete"
MARKED: Final = "ObjectRemoved:DeleteMarkerCreated"
RESTORED: Final = "ObjectRestore:Completed"
POSTED: Final = "ObjectCreated:Post"  # a form of a browser
COPIED: Final = "ObjectCreated:Copy"
COMPLETED: Final = "ObjectCreated:CompleteMultipartUpload"
TAGGED: Final = "ObjectTagging:Put"
UNTAGGED: Final = "ObjectTagging:Delete"
# What happens in a directory: files by hand cause the first two, the S3 endpoint causes all.
PRODUCED: Final = frozenset({CREATED, REMOVED, POSTED, COPIED, COMPLETED, TAGGED, UNTAGGED})

VERSIONS: Final = ("2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6")  # of a record
RECORDED: Final = "2.1"  # AWS as recorded until 2025: this number, and for some types the one of _OWN_VERSION
_OWN_VERSION: Final = {"ObjectTagging": "2.3", "ObjectAcl": "2.3", "ObjectRestore:Delete": "2.3"}
SUBJECT: Final = "Amazon S3 Notification"  # of what is published to a topic
NOTHING: Final = "d41d8cd98f00b204e9800998ecf8427e"  # MD5 of no bytes: the eTag of a delete marker

# What the record says of the object beside its key, by event or by family; in AWS's order.
_ALL: Final = ("size", "eTag", "versionId", "sequencer")
_TOLD: Final[Mapping[str, tuple[str, ...]]] = {
    "ObjectCreated": _ALL,
    "ObjectRemoved:Delete": ("versionId", "sequencer"),
    "ObjectRemoved:DeleteMarkerCreated": ("eTag", "versionId", "sequencer"),
    "ObjectRestore": _ALL,
    "ObjectTagging": ("eTag", "versionId"),
    "ObjectAcl": ("eTag", "versionId"),
}

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
    version_id: str = ""  # "": the bucket is not versioned


class Caller(NamedTuple):
    """Who made a change, and the S3 answer that told him so. "": made up from the change, always the same for it."""

    principal: str = ""  # AWS:AIDA…, AWS:AROA…:session
    source_ip: str = "127.0.0.1"
    request_id: str = ""  # 16 characters
    host_id: str = ""
    owner: str = ""  # of the bucket: A3I5XTEXAMAI3E
    trace: str = ""  # X-Ray's header, which the event continues and does not tell


_NOBODY: Final = Caller()


class Restored(NamedTuple):
    """The copy that a completed restore made."""

    expiry: datetime  # timezone-aware
    storage_class: str  # it came from: GLACIER, DEEP_ARCHIVE


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


def notification(
    change: ObjectChange,
    *,
    name: str,
    region: str,
    account: str,
    configuration: str,
    version: str = RECORDED,
    caller: Caller = _NOBODY,
    restored: Restored | None = None,
) -> S3Event:
    """Build {"Records": [record]}; *name* has no "s3:" prefix, eventTime is UTC with milliseconds; *restored* only for RESTORED.

    Raises ValueError when change.at is naive (its offset would be a guess) and for a name whose record nobody has seen;
    UnicodeEncodeError when the key is not text."""
    request, host = _response_ids(change)
    owner = caller.owner or _identity("A", 13, account)
    nobody = f"AmazonCustomer:{owner}" if name == RESTORED else _identity("AWS:AIDA", 17, account)  # S3 ends a restore by itself
    record = {
        "eventVersion": record_version(name, version),
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": _iso(change.at),
        "eventName": name,
        "userIdentity": {"principalId": caller.principal or nobody},
        "requestParameters": {"sourceIPAddress": caller.source_ip},
        "responseElements": {"x-amz-request-id": caller.request_id or request, "x-amz-id-2": caller.host_id or host},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": change.bucket,
                "ownerIdentity": {"principalId": owner},
                "arn": names.bucket_arn(change.bucket),
            },
            "object": _object(change, name),
        },
    }
    if restored is not None:
        record["glacierEventData"] = {
            "restoreEventData": {
                "lifecycleRestorationExpiryTime": _iso(restored.expiry),
                "lifecycleRestoreStorageClass": restored.storage_class,
            },
        }
    return {"Records": [record]}


def configuration_saved(bucket: str, at: datetime, *, request_id: str, host_id: str) -> S3Event:
    """What a queue or topic gets when a notification configuration is saved. It has no Records."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": _iso(at),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": host_id,
    }


def record_version(name: str, version: str = RECORDED) -> str:
    """The eventVersion of a record: one number for all types, but for RECORDED, under which some have their own."""
    if version != RECORDED:
        return version
    return _OWN_VERSION.get(name) or _OWN_VERSION.get(name.partition(":")[0], RECORDED)


def _object(change: ObjectChange, name: str) -> dict[str, Any]:
    """What a record of this name says of the object."""
    told = _TOLD.get(name) or _TOLD.get(name.partition(":")[0])
    if told is None:
        raise ValueError(f"the record of {name} is not known")
    facts = {
        "size": change.size,
        "eTag": NOTHING if name == MARKED else change.etag,
        "versionId": change.version_id or None,
        "sequencer": change.sequencer,
    }
    return {"key": encoded(change.key)} | {key: value for key in told if (value := facts[key]) is not None}


def _iso(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("the time of an object change needs a time zone")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
    """The events that *pattern* (AWS's spelling, with or without "s3:") names; one of them at least is a directory's.

    Raises ValueError with a sentence that says what would be right."""
    spelled = pattern.removeprefix("s3:")
    if spelled not in _KNOWN:
        close = get_close_matches(spelled, sorted(_KNOWN), n=1)
        raise ValueError(f"unknown S3 event {pattern!r}" + (f", did you mean s3:{close[0]}?" if close else ""))
    family, _, member = spelled.partition(":")
    wanted = {f"{family}:{one}" for one in FAMILIES.get(family, ())} if member == "*" else {spelled}
    if wanted & PRODUCED:
        return frozenset(wanted)
    raise ValueError(f"nothing here causes s3:{spelled}; use s3:ObjectCreated:* (or :Put), s3:ObjectRemoved:* (or :Delete)")


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
