"""Directories as an object store: what the S3 endpoint does to the disk, and nothing of how S3 is spoken. Served by object_store.py.

All disk work is done in threads. Raises the errors of object_errors.py, and JournalError when the store cannot record."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol, Self

from router.buckets.facts import (
    ANYWAY,
    NOBODY,
    ChecksumType,
    Condition,
    Digests,
    Metadata,
    ObjectFacts,
    Page,
    Part,
    PartName,
    PartPage,
    UploadFacts,
    UploadPage,
)
from router.config.types import Bucket
from router.events.s3 import Caller


class OpenObject(Protocol):
    """An object open for reading: the descriptor and the facts are of one version, whatever happens to the key meanwhile.

    An async context manager: closes at the end. A folder marker has no descriptor, and no bytes."""

    facts: ObjectFacts
    descriptor: int  # for pread and sendfile; -1: a folder marker

    async def read(self, offset: int, size: int) -> bytes:
        """Up to *size* bytes from *offset*. Raises StorageTrouble when the file was cut short or rewritten in place meanwhile."""

    def intact(self) -> bool:
        """Whether the file is still the version that was opened; to be asked after sendfile. Cheap: one fstat."""

    async def close(self) -> None:
        """Once or more."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...


class Upload(Protocol):
    """One body on its way to the disk. Ends with exactly one of commit() and abort(); abort() after either does nothing."""

    decode: Callable[[bytes], bytes] | None
    """Makes what is written of what came, in order, in the thread that digests it; set before the first write. None: it is the same."""

    async def write(self, data: bytes) -> None:
        """Append; returns at once until a mebibyte has come together.

        Raises StorageTrouble, TooLarge (over 5 GiB) and what *decode* raises, here or in digests()."""

    async def digests(self) -> Digests:
        """Of all that was written so far: to be compared with what the client said before commit()."""

    async def commit(
        self,
        metadata: Metadata,
        *,
        condition: Condition = ANYWAY,
        caller: Caller = NOBODY,
        event: str = "ObjectCreated:Put",
    ) -> ObjectFacts:
        """Make it the object, whole and durable, and have it told once. Checksums of *metadata* are as the caller checked them.

        Raises PreconditionFailed, NoSuchKey (if_match and nothing there), KeyConflict, BadName, StorageTrouble, JournalError."""

    async def abort(self) -> None:
        """Leave nothing behind."""


class PartUpload(Protocol):
    """The same for one part of a multipart upload."""

    decode: Callable[[bytes], bytes] | None
    """See Upload."""

    async def write(self, data: bytes) -> None:
        """See Upload."""

    async def digests(self) -> Digests:
        """See Upload."""

    async def commit(self, checksums: Mapping[str, str]) -> Part:
        """Make it the part of its number; another one under it is replaced. *checksums*: algorithm → base64, checked. Raises NoSuchUpload."""

    async def abort(self) -> None:
        """See Upload."""


class Store(Protocol):
    """The objects of all buckets."""

    def buckets(self) -> Mapping[str, Bucket]:
        """Those in force now, by name: of config.yaml and made through the API."""

    async def created(self, bucket: str) -> float:
        """When the bucket's directory was made, as far as is known: epoch seconds. Raises NoSuchBucket."""

    async def head(self, bucket: str, key: str) -> ObjectFacts:
        """Raises NoSuchBucket, NoSuchKey (also for keys that no file can carry)."""

    async def open(self, bucket: str, key: str) -> OpenObject:
        """Raises NoSuchBucket, NoSuchKey."""

    async def begin_put(self, bucket: str, key: str, algorithms: AbstractSet[str] = frozenset()) -> Upload:
        """A body for *key*, whose checksums by *algorithms* are computed beside its MD5. Raises NoSuchBucket, BadName, KeyTooLong."""

    async def copy(
        self,
        source: OpenObject,
        bucket: str,
        key: str,
        metadata: Metadata,
        *,
        condition: Condition = ANYWAY,
        caller: Caller = NOBODY,
        algorithm: str = "",
    ) -> ObjectFacts:
        """Copy what is open, with *metadata* (of the source, or another: the caller's choice), without the bytes passing through us
        when the file system can. *algorithm*: have this checksum in the copy's metadata; "": those of the source stay.

        Raises as Upload.commit."""

    async def delete(self, bucket: str, key: str, *, condition: Condition = ANYWAY, caller: Caller = NOBODY) -> bool:
        """Remove it, have the removal told once; False: it was not there.

        Raises NoSuchBucket, PreconditionFailed, NoSuchKey (if_match and nothing there), StorageTrouble."""

    async def delete_many(self, bucket: str, keys: Mapping[str, Condition], *, caller: Caller = NOBODY) -> dict[str, Exception | None]:
        """The same for many, each under its condition: for each key None (it is gone) or why not."""

    async def tag(self, bucket: str, key: str, tags: Mapping[str, str], *, caller: Caller = NOBODY) -> ObjectFacts:
        """Set all tags ({}: none). The version and its Last-Modified stay. Raises NoSuchKey."""

    async def list_page(self, bucket: str, prefix: str = "", delimiter: str = "", start_after: str = "", limit: int = 1000) -> Page:
        """A page of the objects whose keys begin with *prefix*, from behind *start_after* (a key, or a common prefix that was given),
        in the order of their UTF-8 bytes; objects and common prefixes together are at most *limit*. Raises NoSuchBucket."""

    async def empty(self, bucket: str) -> bool:
        """Whether the bucket has no object; uploads under way are none."""

    async def remove_bucket(self, bucket: str) -> None:
        """Remove the directory of an empty bucket that was made through the API, with uploads under way, and forget what was recorded of it.

        Before it is taken out of the config. Raises BucketNotEmpty, NoSuchBucket."""

    # --- multipart

    async def create_upload(
        self, bucket: str, key: str, metadata: Metadata, *, algorithm: str = "", checksum_type: ChecksumType = "", caller: Caller = NOBODY
    ) -> UploadFacts:
        """Begin one. Survives a restart; swept when it is seven days old."""

    async def upload(self, bucket: str, key: str, upload_id: str) -> UploadFacts:
        """Raises NoSuchUpload."""

    async def begin_part(self, upload: UploadFacts, number: int, algorithms: AbstractSet[str] = frozenset()) -> PartUpload:
        """A body for part *number*, 1 to 10,000; the upload's own algorithm is computed anyhow. Raises NoSuchUpload."""

    async def copy_part(self, upload: UploadFacts, number: int, source: OpenObject, span: tuple[int, int]) -> Part:
        """Part *number* from a span of what is open: its first byte, and the one behind its last. Raises NoSuchUpload, TooLarge."""

    async def parts(self, upload: UploadFacts, *, after: int = 0, limit: int = 1000) -> PartPage:
        """Those uploaded so far, from behind number *after*."""

    async def uploads(
        self, bucket: str, prefix: str = "", delimiter: str = "", after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> UploadPage:
        """Those under way, from behind the key and upload id *after* (("k", ""): behind all of k)."""

    async def complete(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Sequence[PartName],
        *,
        condition: Condition = ANYWAY,
        caller: Caller = NOBODY,
        checksums: Mapping[str, str] | None = None,
        size: int | None = None,
        kind: str = "",
    ) -> ObjectFacts:
        """Make the object of its parts; told once as ObjectCreated:CompleteMultipartUpload. Repeated after success, it gives the same.

        *checksums*, their *kind*, *size*: of the whole, as the client says. Raises NoSuchUpload, InvalidPart, InvalidPartOrder,
        PartTooSmall, BadChecksum, MissingChecksum, OtherChecksumType, BadSize, Conflict, and as Upload.commit. An empty list is the
        caller's to refuse."""

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Forget it and its parts. Raises NoSuchUpload."""
