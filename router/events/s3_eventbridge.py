"""S3's events through EventBridge, for buckets that send them there.

Pure: facts in, dict out. Sources: Amazon S3 user guide, "EventBridge event message structure" and "Using EventBridge";
samples in tests/golden/s3_*eventbridge*.json. The key is not encoded here; `detail.event-version`, which the guide shows
since 2025, is in no recording and is left out. Not covered: storage class, access tier and replication events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from router import names
from router.events import s3
from router.events.eventbridge import Place, envelope

SOURCE: Final = "aws.s3"
SERVICE: Final = "s3.amazonaws.com"  # the requester of what S3 does by itself

_GONE: Final = "Permanently Deleted"
_MARKED: Final = "Delete Marker Created"


class _Kind(NamedTuple):
    """One detail-type and what its detail says beside the object's key."""

    detail_type: str
    told: tuple[str, ...] = ("etag", "version-id")
    more: Mapping[str, str] = {}  # constants after the requester


_CREATED: Final = ("size", "etag", "version-id", "sequencer")
_REMOVED: Final = ("etag", "version-id", "sequencer")
_KINDS: Final[Mapping[str, _Kind]] = {
    "ObjectCreated:Put": _Kind("Object Created", _CREATED, {"reason": "PutObject"}),
    "ObjectCreated:Post": _Kind("Object Created", _CREATED, {"reason": "POST Object"}),
    "ObjectCreated:Copy": _Kind("Object Created", _CREATED, {"reason": "CopyObject"}),
    "ObjectCreated:CompleteMultipartUpload": _Kind("Object Created", _CREATED, {"reason": "CompleteMultipartUpload"}),
    s3.REMOVED: _Kind("Object Deleted", _REMOVED[1:], {"reason": "DeleteObject", "deletion-type": _GONE}),
    s3.MARKED: _Kind("Object Deleted", _REMOVED, {"reason": "DeleteObject", "deletion-type": _MARKED}),
    "LifecycleExpiration:Delete": _Kind("Object Deleted", _REMOVED[1:], {"reason": "Lifecycle Expiration", "deletion-type": _GONE}),
    "LifecycleExpiration:DeleteMarkerCreated": _Kind(
        "Object Deleted", _REMOVED, {"reason": "Lifecycle Expiration", "deletion-type": _MARKED}
    ),
    "ObjectRestore:Post": _Kind("Object Restore Initiated", _CREATED[:3]),
    s3.RESTORED: _Kind("Object Restore Completed", _CREATED[:3]),
    "ObjectTagging:Put": _Kind("Object Tags Added"),
    "ObjectTagging:Delete": _Kind("Object Tags Deleted"),
    "ObjectAcl:Put": _Kind("Object ACL Updated"),
}
NAMES: Final = frozenset(_KINDS)  # of the notifications that have a counterpart here


@dataclass(frozen=True, slots=True)
class Request:
    """The request that changed the object."""

    id: str  # 16 characters
    requester: str  # an account id, or SERVICE
    source_ip: str = ""  # "": there was no client


def event(
    change: s3.ObjectChange,
    name: str,
    request: Request,
    *,
    event_id: str,
    place: Place,
    restored: s3.Restored | None = None,
) -> dict[str, Any]:
    """The event of a change; *name* is the notification's, without "s3:". *restored* for the restore events.

    Raises ValueError for a name that has no event here, and when change.at has no time zone."""
    kind = _KINDS.get(name)
    if kind is None:
        raise ValueError(f"no EventBridge event is known for {name}; there are {', '.join(sorted(NAMES))}")
    if change.at.tzinfo is None:
        raise ValueError("the time of an object change needs a time zone")
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": change.bucket},
        "object": _object(change, kind, name),
        "request-id": request.id,
        "requester": request.requester,
    }
    if request.source_ip:
        detail["source-ip-address"] = request.source_ip
    detail |= kind.more
    if restored is not None:
        detail |= _restore(name, restored)
    return envelope(
        SOURCE,
        kind.detail_type,
        detail,
        event_id=event_id,
        at=change.at.timestamp(),
        place=place,
        resources=[names.bucket_arn(change.bucket)],
    )


def _object(change: s3.ObjectChange, kind: _Kind, name: str) -> dict[str, Any]:
    facts = {
        "size": change.size,
        "etag": s3.NOTHING if name.endswith(":DeleteMarkerCreated") else change.etag,
        "version-id": change.version_id or None,
        "sequencer": change.sequencer,
    }
    return {"key": change.key} | {key: value for key in kind.told if (value := facts[key]) is not None}


def _restore(name: str, restored: s3.Restored) -> dict[str, str]:
    if name != s3.RESTORED:
        return {"source-storage-class": restored.storage_class}
    return {"restore-expiry-time": names.iso_s(restored.expiry.timestamp()), "source-storage-class": restored.storage_class}
