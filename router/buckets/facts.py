"""What is known of an object, as values. Pure.

The content is a file below the bucket's directory. What a client said of it (headers, user metadata, tags, checksums, parts) is
kept in the daemon's store for exactly that version of the file: one that is overwritten by hand has none of it."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Self

from router.events.s3 import Caller

DEFAULT_TYPE: Final = "binary/octet-stream"  # AWS's own for an object whose type nobody said
STANDARD: Final = "STANDARD"
NOTHING: Final = "d41d8cd98f00b204e9800998ecf8427e"  # MD5 of no bytes

Algorithm = Literal["crc32", "crc32c", "crc64nvme", "sha1", "sha256"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")

ChecksumType = Literal["", "FULL_OBJECT", "COMPOSITE"]


class Identity(NamedTuple):
    """Names one version of a file as long as nobody tampers with times."""

    inode: int
    size: int  # bytes
    mtime: int  # epoch nanoseconds


class Part(NamedTuple):
    """A part of an object that was uploaded in parts."""

    number: int  # as the client numbered it
    size: int  # bytes
    etag: str = ""  # MD5, hex
    checksums: Mapping[str, str] = {}  # algorithm → base64
    modified: float = 0.0  # epoch seconds


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a client said of an object, and what came of it. Nothing said: a file dropped by hand."""

    headers: Mapping[str, str] = field(default_factory=dict)  # content-type, cache-control, …: lower-case names, as they were given
    user: Mapping[str, str] = field(default_factory=dict)  # x-amz-meta-*: lower-case, without that prefix
    tags: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = STANDARD
    checksums: Mapping[str, str] = field(default_factory=dict)  # algorithm → base64; composite ones end in -N
    checksum_type: ChecksumType = ""  # "": there is none
    parts: tuple[Part, ...] = ()  # of a multipart object, in order

    def document(self) -> dict[str, Any]:
        """As JSON keeps it; what was not said is left out."""
        said = {name: value for name in _KEPT if (value := getattr(self, name))}
        if self.storage_class != STANDARD:
            said["storage_class"] = self.storage_class
        if self.parts:
            said["parts"] = [list(part) for part in self.parts]
        return said

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From what document() gave."""
        parts = tuple(Part(*part) for part in document.get("parts", ()))
        return cls(**(dict(document) | {"parts": parts}))


_KEPT: Final = ("headers", "user", "tags", "checksums", "checksum_type")
UNSAID: Final = Metadata()


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """One version of an object."""

    bucket: str
    key: str
    identity: Identity
    etag: str  # lower-case hex, without quotes; of a multipart object with -N behind it
    metadata: Metadata = UNSAID

    @property
    def size(self) -> int:
        """Bytes."""
        return self.identity.size

    @property
    def modified(self) -> float:
        """Last-Modified: epoch seconds."""
        return self.identity.mtime / 1e9

    @property
    def content_type(self) -> str:
        """As the client said, or by the ending of the key, or AWS's default."""
        return self.metadata.headers.get("content-type") or guessed_type(self.key)


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a listing."""

    key: str
    identity: Identity
    etag: str
    storage_class: str = STANDARD
    algorithms: tuple[str, ...] = ()  # of its checksums
    checksum_type: ChecksumType = ""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.identity.size

    @property
    def modified(self) -> float:
        """Last-Modified: epoch seconds."""
        return self.identity.mtime / 1e9


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing: objects and common prefixes, each in the order of their UTF-8 bytes; together they are one sequence."""

    objects: tuple[Listed, ...]
    common_prefixes: tuple[str, ...]
    next: str | None  # where the next page starts after (key or common prefix); None: this was the last


class Condition(NamedTuple):
    """What must hold of the object that is there, when it is replaced."""

    if_match: str = ""  # an eTag, with or without quotes, or *; "": whatever
    if_none_match: bool = False  # If-None-Match: *; nothing may be there


ANYWAY: Final = Condition()

NOBODY: Final = Caller()  # principalId, source address and ids of the answer are made up, as for a file dropped by hand


class Digests(NamedTuple):
    """Of the bytes that were written so far."""

    size: int  # bytes
    md5: bytes
    checksums: Mapping[str, bytes] = {}  # by algorithm, big-endian as AWS sends them


class PartName(NamedTuple):
    """A part as completing an upload names it."""

    number: int
    etag: str  # with or without quotes
    checksums: Mapping[str, str] = {}  # algorithm → base64


@dataclass(frozen=True, slots=True)
class UploadFacts:
    """A multipart upload that is under way."""

    bucket: str
    key: str
    upload_id: str
    begun: float  # epoch seconds
    metadata: Metadata = UNSAID
    algorithm: str = ""  # of its checksums; "": it was begun without
    checksum_type: ChecksumType = ""
    caller: Caller = NOBODY  # who began it


@dataclass(frozen=True, slots=True)
class UploadPage:
    """A page of the uploads under way: ordered by key, then by the time they began."""

    uploads: tuple[UploadFacts, ...]
    common_prefixes: tuple[str, ...]
    next: tuple[str, str] | None  # key marker and upload id marker of the next page


@dataclass(frozen=True, slots=True)
class PartPage:
    """A page of the parts of an upload, by number."""

    upload: UploadFacts
    parts: tuple[Part, ...]
    next: int | None  # part number marker of the next page


def guessed_type(key: str) -> str:
    """The content type that the ending of a key says."""
    if key.endswith("/"):
        return DEFAULT_TYPE
    kind, encoding = _TYPES.guess_type(key.rpartition("/")[2])
    return DEFAULT_TYPE if kind is None or encoding is not None else kind


def matches(etag: str, wanted: str) -> bool:
    """Whether a condition names this eTag: quoted or not, `*`, one of a list."""
    return any(one in {"*", etag} for one in (part.strip().removeprefix("W/").strip('"') for part in wanted.split(",")))


_TYPES: Final = mimetypes.MimeTypes()  # the library's own table; the machine's files are not asked
