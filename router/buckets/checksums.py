"""Checksums as S3 has them: computed while a body streams by, joined from parts, read from and written to base64. Pure.

Source: Amazon S3 user guide, "Checking object integrity". A checksum of a whole multipart object is either one of its bytes
(FULL_OBJECT: the CRCs) or one of its parts' checksums, with the number of parts behind it (COMPOSITE: all but CRC64NVME)."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Final

import anycrc

from router.buckets.facts import Digests

SIZES: Final[Mapping[str, int]] = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}  # bytes of a digest
LINEAR: Final = frozenset({"crc32", "crc32c", "crc64nvme"})  # those that can be joined: FULL_OBJECT
COMPOSITE: Final = frozenset({"crc32", "crc32c", "sha1", "sha256"})

_MODELS: Final = {"crc32": "CRC32", "crc32c": "CRC32-ISCSI", "crc64nvme": "CRC64-NVME"}


class Running:
    """MD5 and checksums of a body as it comes. Used from one thread at a time."""

    def __init__(self, algorithms: AbstractSet[str] = frozenset()) -> None:
        """Raises ValueError for an algorithm that S3 does not have."""
        if unknown := set(algorithms) - SIZES.keys():
            raise ValueError(f"no such checksum algorithm: {', '.join(sorted(unknown))}")
        self.size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in sorted(algorithms - LINEAR)}
        self._crcs = dict.fromkeys(sorted(algorithms & LINEAR), 0)

    def update(self, data: bytes | memoryview) -> None:
        """The next bytes."""
        self.size += len(data)
        self._md5.update(data)
        for digest in self._hashes.values():
            digest.update(data)
        for name, value in self._crcs.items():
            self._crcs[name] = zlib.crc32(data, value) if name == "crc32" else _model(name).calc(data, value)

    def digests(self) -> Digests:
        """Of all bytes so far."""
        crcs = {name: value.to_bytes(SIZES[name]) for name, value in self._crcs.items()}
        return Digests(self.size, self._md5.digest(), crcs | {name: digest.digest() for name, digest in self._hashes.items()})


def of(algorithm: str, data: bytes) -> bytes:
    """The checksum of some bytes."""
    running = Running({algorithm})
    running.update(data)
    return running.digests().checksums[algorithm]


def text(digest: bytes) -> str:
    """As headers and XML carry it."""
    return base64.b64encode(digest).decode()


def read(algorithm: str, value: str) -> bytes | None:
    """The digest behind a header's base64; None when it is none of this algorithm's."""
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == SIZES[algorithm] else None


def joined(algorithm: str, parts: Iterable[tuple[bytes, int]]) -> bytes:
    """The checksum of a whole from those of its parts and their sizes, without its bytes; of a LINEAR algorithm."""
    whole = 0
    for digest, size in parts:
        whole = _model(algorithm).combine(whole, int.from_bytes(digest), size) if size else whole
    return whole.to_bytes(SIZES[algorithm])


def composite(algorithm: str, parts: Sequence[bytes]) -> str:
    """The checksum of the parts' checksums, as text with their number."""
    return f"{text(of(algorithm, b''.join(parts)))}-{len(parts)}"


def multipart_etag(md5s: Sequence[bytes]) -> str:
    """The eTag of an object made of parts with these MD5s."""
    return f"{hashlib.md5(b''.join(md5s), usedforsecurity=False).hexdigest()}-{len(md5s)}"


@cache
def _model(algorithm: str) -> "_Crc":
    model: _Crc = anycrc.Model(_MODELS[algorithm])
    return model


class _Crc:
    """What we use of the library's model."""

    calc: Callable[[bytes | memoryview, int], int]
    combine: Callable[[int, int, int], int]
