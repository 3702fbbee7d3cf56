"""What a request says its body's digests are, and whether they are. Pure.

Source: S3 user guide, "Checking object integrity"; texts as AWS's answers have them. What is not said is not computed, but
for the MD5, which is the eTag."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from router.api.aws.s3.errors import S3Error, invalid
from router.buckets.checksums import COMPOSITE, LINEAR, read
from router.buckets.facts import ALGORITHMS, ChecksumType, Digests, Metadata, ObjectFacts, Part

PREFIX: Final = "x-amz-checksum-"
_MD5: Final = 16  # bytes


class Claim(NamedTuple):
    """What a body should be."""

    md5: bytes = b""  # b"": not said
    algorithm: str = ""  # "": no checksum is said
    value: str = ""  # base64; "": it comes in the trailer

    def check(self, digests: Digests, trailers: Mapping[str, str]) -> dict[str, str]:
        """The checksums of a body that is what was said, as they are kept. Raises S3Error."""
        if self.md5 and not hmac.compare_digest(self.md5, digests.md5):
            given = base64.b64encode(self.md5).decode()
            raise S3Error("BadDigest", ExpectedDigest=given, CalculatedDigest=base64.b64encode(digests.md5).decode())
        if not self.algorithm:
            return {}
        value = self.value or trailers.get(f"{PREFIX}{self.algorithm}", "")
        if not hmac.compare_digest(_decoded(self.algorithm, value), digests.checksums[self.algorithm]):
            raise S3Error("BadDigest", f"The {self.algorithm.upper()} you specified did not match the calculated checksum.")
        return {self.algorithm: value}


def claim_of(headers: Mapping[str, str]) -> Claim:
    """What the headers of an upload say. Raises S3Error."""
    md5 = b""
    if (given := headers.get("content-md5")) is not None:
        md5 = _base64(given)
        if len(md5) != _MD5:
            raise S3Error("InvalidDigest", **{"Content-MD5": given[:100]})
    values = [name.removeprefix(PREFIX) for name in headers if name.startswith(PREFIX) and name.removeprefix(PREFIX) in ALGORITHMS]
    trailing = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()]
    announced = [name.removeprefix(PREFIX) for name in trailing]
    if any(name not in ALGORITHMS for name in announced):
        raise S3Error("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
    if len(values) + len(announced) > 1:
        raise S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    if values:
        _decoded(values[0], headers[PREFIX + values[0]])
        _agree(headers, values[0])
        return Claim(md5, values[0], headers[PREFIX + values[0]])
    if announced:
        _agree(headers, announced[0])
        return Claim(md5, announced[0])
    if named := headers.get("x-amz-sdk-checksum-algorithm", ""):
        raise S3Error(
            "InvalidRequest",
            f"x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-{named.lower()[:20]} or x-amz-trailer headers were found.",
        )
    return Claim(md5)


def _agree(headers: Mapping[str, str], algorithm: str) -> None:
    named = headers.get("x-amz-sdk-checksum-algorithm", "").lower()
    if named and named != algorithm:
        raise S3Error("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")


def _decoded(algorithm: str, value: str) -> bytes:
    found = read(algorithm, value)
    if found is None:
        raise S3Error("InvalidRequest", f"Value for {PREFIX}{algorithm} header is invalid.")
    return found


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        return b""


# -- of a multipart upload


class Asked(NamedTuple):
    """Which checksums an upload is begun with."""

    algorithm: str = ""
    kind: ChecksumType = ""


def asked_of(headers: Mapping[str, str]) -> Asked:
    """What creating a multipart upload, or a copy, says. Raises S3Error."""
    given, kind = headers.get("x-amz-checksum-algorithm", "").lower(), headers.get("x-amz-checksum-type", "").upper()
    if not given:
        if kind:
            raise S3Error("InvalidRequest", "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
        return Asked()
    if given not in ALGORITHMS:
        raise S3Error(
            "InvalidRequest",
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
        )
    type_: Literal["FULL_OBJECT", "COMPOSITE"] = (
        "FULL_OBJECT" if (kind or ("FULL_OBJECT" if given == "crc64nvme" else "")) == "FULL_OBJECT" else "COMPOSITE"
    )
    if kind not in ("", "FULL_OBJECT", "COMPOSITE"):
        raise S3Error("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
    if (type_ == "FULL_OBJECT" and given not in LINEAR) or (type_ == "COMPOSITE" and given not in COMPOSITE):
        raise S3Error("InvalidRequest", f"The {type_} checksum type cannot be used with the {given} checksum algorithm.")
    return Asked(given, type_)


def algorithm_of_copy(headers: Mapping[str, str]) -> str:
    """The checksum that a copy shall have; "": that of its source. Raises S3Error."""
    given = headers.get("x-amz-checksum-algorithm", "").lower()
    if given and given not in ALGORITHMS:
        raise invalid(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
            "x-amz-checksum-algorithm",
            given[:40],
        )
    return given


def without(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without the checksums of something else than the body."""
    return {name: value for name, value in headers.items() if not name.startswith((PREFIX, "x-amz-sdk-checksum-"))}


def of_completion(headers: Mapping[str, str]) -> dict[str, str]:
    """Checksums of the whole object that completing an upload claims. Raises S3Error."""
    found: dict[str, str] = {name: headers[PREFIX + name] for name in ALGORITHMS if PREFIX + name in headers}
    if len(found) > 1:
        raise S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    return found


def header_pairs(facts: ObjectFacts | Metadata | Part, kind: ChecksumType = "") -> list[tuple[str, str]]:
    """Checksums as headers of an answer."""
    metadata = facts.metadata if isinstance(facts, ObjectFacts) else facts
    found = [(f"{PREFIX}{name}", value) for name, value in metadata.checksums.items()]
    if found and (kind := kind or (metadata.checksum_type if isinstance(metadata, Metadata) else "")):
        found.append((f"{PREFIX}type", kind))
    return found
