"""`notifications:` in config.yaml: the queues and topics that a bucket tells of its objects. A function is told by its trigger `s3`.

AWS's words and limits: S3 API reference, PutBucketNotificationConfiguration; user guide, "Supported event destinations"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from router.config.problems import shown
from router.config.types import Config, Destination, Names, Queue, Surroundings, Topic
from router.events import s3

if TYPE_CHECKING:
    from router.config.node import Node

KINDS: Final = ("queue", "topic")
NAME: Final = r"[.\-_A-Za-z0-9]{1,128}"
_ID: Final = r"(?s).{1,255}"
_KNOWN: Final = ("bucket", "events", "prefix", "suffix", "id", *KINDS)


@dataclass(frozen=True, slots=True)
class BucketNotification:
    """Who is told, and of what."""

    name: str
    bucket: str
    to: Destination  # a queue or a topic
    wanted: s3.Filter
    id: str  # configurationId in the records; unlike that of any other of its bucket

    @property
    def spoken(self) -> str:
        """For people: queue:jobs."""
        return f"{self.to.kind}:{self.to.name}"


def of_bucket(config: Config, bucket: str) -> tuple[BucketNotification, ...]:
    """Those of one bucket, in the order of the config."""
    return tuple(one for one in config.notifications.values() if one.bucket == bucket)


def by_bucket(config: Config) -> Mapping[str, tuple[BucketNotification, ...]]:
    """The same of every bucket that has any: one look at all of them, where thousands of buckets are asked for."""
    found: dict[str, list[BucketNotification]] = {}
    for one in config.notifications.values():
        found.setdefault(one.bucket, []).append(one)
    return {bucket: tuple(told) for bucket, told in found.items()}


def watched(form: "Node", names: Names) -> tuple[str, s3.Filter]:
    """The keys `bucket`, `events`, `prefix` and `suffix`; unknown buckets and events that no file can cause are problems."""
    bucket = form.text("bucket")
    if form.has("bucket") and bucket not in names.buckets:
        form.problem(f"no bucket has the name {bucket}{form.did_you_mean(bucket, names.buckets)}", "bucket")
    events = frozenset[str]().union(*(_names(form, pattern) for pattern in form.strings("events", ("s3:ObjectCreated:*",))))
    if form.has("events") and not form.strings("events"):
        form.problem("names no event; leave it out for s3:ObjectCreated:*", "events")
    return bucket, s3.Filter(events, form.text("prefix", ""), form.text("suffix", ""))


def identity(form: "Node", default: str) -> str:
    """The key `id`."""
    return form.text("id", default, pattern=_ID if form.has("id") else "", what="1 to 255 characters")


def _names(form: "Node", pattern: str) -> frozenset[str]:
    try:
        return s3.event_names(pattern)
    except ValueError as error:
        form.problem(str(error), "events")
        return frozenset()


def taken(bucket: str, identity: str) -> str:
    """What no two may claim of those that a bucket tells, whoever it is."""
    return f"id {identity} among the notifications of bucket {bucket}"


def notifications(node: "Node", around: Surroundings) -> dict[str, BucketNotification]:
    """The value under `notifications`."""

    def read(name: str, child: "Node") -> BucketNotification:
        if not re.fullmatch(NAME, name):
            node.misnamed(name, "a notification's name is 1 to 128 letters, digits, hyphens, underscores and dots")
        one = _notification(name, child, around)
        claim = taken(one.bucket, one.id)
        first = node.document.readings.claim(claim, f"{child.path} ({child.place})")
        if not first.startswith(f"{child.path} "):
            child.problem(f"{shown(claim, 200)} is taken already by {first}", "id" if child.has("id") else "")
        return one

    return node.each(read)


def _notification(name: str, node: "Node", around: Surroundings) -> BucketNotification:
    form = node.form(known=_KNOWN)
    bucket, wanted = watched(form, around.names)
    return BucketNotification(name, bucket, _to(form, around), wanted, identity(form, name))


def _to(form: "Node", around: Surroundings) -> Destination:
    given = [kind for kind in KINDS if form.has(kind)]
    if len(given) != 1:
        form.lacks("tells one queue or one topic, as queue: jobs; a function is told by its trigger s3", KINDS)
        return Destination(KINDS[0], "")
    (kind,) = given
    name = form.text(kind)
    known: Mapping[str, Queue | Topic] = around.names.queues if kind == "queue" else around.names.topics
    there: Any = known.get(name)
    if there is None:
        form.problem(f"no {kind} has the name {name}{form.did_you_mean(name, known)}", kind)
    elif there.fifo:
        form.problem(f"{name} is a FIFO {kind}; a bucket tells standard ones", kind)
    return Destination(kind, name)
