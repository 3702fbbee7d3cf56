"""Directory as bucket: the trigger `s3` and the source that serves it.

The scan of the directory and the version table are the truth, notifications are hints that make it fast. A file is an object
under its path; symbolic links, FIFOs, sockets and devices are none. What serves a bucket is in the s3dir_* files beside this
one and in router/buckets; it is imported when a source is built, so that reading a config stays quick."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final, Self

from router.config.node import Node
from router.config.types import Bucket, Names
from router.events import s3
from router.sources.base import Binding, House, Outlet, basis_of
from router.sources.bucket_notification import BucketNotification, by_bucket, identity, taken, watched

_GAUGES: Final = {
    "ignored_entries": "Entries that the last full scan passed over because of their name.",
    "special_entries": "Links, FIFOs, sockets and devices that the last full scan saw; they are no objects.",
    "refused_entries": "Files and directories that are there and cannot be objects.",
    "unwatched_directories": "Directories without a watch, served at the scan's interval.",
}


@dataclass(frozen=True, slots=True)
class S3Trigger:
    """`s3: {bucket, events, prefix, suffix, id}`, or the bucket's name alone."""

    word: ClassVar[str] = "s3"

    bucket: str
    wanted: s3.Filter
    id: str = ""  # configurationId; "": made of the rest

    @classmethod
    def read(cls, node: Node, names: Names) -> Self:
        """Read the value under `s3:`; unknown buckets and events that no file can cause are problems."""
        form = node.form(main="bucket", known=("bucket", "events", "prefix", "suffix", "id", "eventbridge"))
        if form.has("eventbridge"):
            form.problem("is a setting of the bucket: write it under buckets", "eventbridge")
        return cls(*watched(form, names), identity(form, ""))

    @property
    def claim(self) -> str:
        """Its id, where it has one; several functions may watch one bucket."""
        return taken(self.bucket, self.id) if self.id else ""

    def configuration(self, target: str) -> str:
        """The configurationId in what it tells a function; *target*: the function, with its qualifier where the trigger names one."""
        return self.id or s3.configuration_id(target, self.bucket, self.wanted)


class S3DirSource:
    """One bucket."""

    TRIGGERS: ClassVar = (S3Trigger,)

    def __init__(self, bucket: Bucket, bindings: Sequence[Binding], told: Sequence[BucketNotification], house: House) -> None:
        from router.sources.s3dir_attach import Attachment  # noqa: PLC0415 - reading a config does without

        self.name = _named(bucket.name)
        self.bucket = bucket
        self.basis = _basis(bucket, bindings, told)
        self._attachment = Attachment(bucket, bindings, told, house)

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> list[Self]:
        """One source for each bucket that a trigger or a notification names, or whose events go to the default bus."""
        bridged = (bucket.name for bucket in house.config.buckets.values() if bucket.eventbridge)
        notified = by_bucket(house.config)  # once: thousands of buckets may be notified
        wanted = dict.fromkeys([*(binding.trigger.bucket for binding in bindings), *bridged, *notified])
        bound: dict[str, list[Binding]] = {name: [] for name in wanted}
        for binding in bindings:
            bound[binding.trigger.bucket].append(binding)
        buckets = [(house.config.buckets[name], found, notified.get(name, ())) for name, found in bound.items()]
        sources = [house.source(_named(one[0].name), _basis(*one), partial(cls, *one, house)) for one in buckets]

        def noticed() -> None:
            house.ledgers.expect(wanted)
            for figure, told in _GAUGES.items():
                house.metrics.gauge(f"router_s3_{figure}", told, "bucket", read=partial(_figures, sources, figure))

        house.later.append(noticed)
        return sources

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Report changes of the directory until *stop*. Raises SourceError when the version table cannot be read."""
        await self._attachment.run(outlet, stop)

    def health(self) -> str:
        """One sentence about a root that is not there, files that are hidden, or a store that takes nothing; else nothing."""
        return self._attachment.health()

    def refused(self) -> Mapping[str, str]:
        """Names that are there and cannot be objects, with the reason; at most 1,000, fit to be shown."""
        return self._attachment.refusals.listed()

    def figure(self, name: str) -> float:
        """A number about the bucket as it is now; the names are those of the gauges."""
        return float(getattr(self._attachment.figures, name))


def _named(bucket: str) -> str:
    return f"s3:{bucket}"


def _basis(bucket: Bucket, bindings: Sequence[Binding], told: Sequence[BucketNotification]) -> object:
    return (bucket, basis_of(bindings), told)


def _figures(sources: Sequence[S3DirSource], figure: str) -> dict[tuple[str, ...], float]:
    return {(source.bucket.name,): source.figure(figure) for source in sources}
