"""What the headers of an upload say of its object, and the headers with which that comes back. Pure.

Source: S3 API reference, "PutObject", "CopyObject", "GetObject"; user guide, "Working with object metadata"."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from router.api.aws.s3.errors import S3Error, invalid
from router.api.aws.s3.markup import parsed
from router.buckets.facts import DEFAULT_TYPE, STANDARD, Metadata

REDIRECT: Final = "x-amz-website-redirect-location"  # a copy never has its source's
KEPT: Final = (
    *("content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires"),
    REDIRECT,
)
USER: Final = "x-amz-meta-"
USER_LIMIT: Final = 2048  # bytes of names and values
TAGS: Final = 10
CLASSES: Final = frozenset(
    (
        *("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE"),
        "GLACIER_IR",  # the others that the model has are of other kinds of buckets
    )
)
_OWNERS: Final = frozenset(("private", "bucket-owner-full-control"))  # what a bucket without access control lists takes
_TAGGING: Final = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."
_TAG: Final = re.compile(r"[\w\s.:/=+\-@]*")
_OVERRIDES: Final = {
    "response-content-type": "content-type",
    "response-content-language": "content-language",
    "response-expires": "expires",
    "response-cache-control": "cache-control",
    "response-content-disposition": "content-disposition",
    "response-content-encoding": "content-encoding",
}
_UNDONE: Final = (
    *("x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-key", "x-amz-object-lock-mode"),
    *("x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold", "x-amz-server-side-encryption-aws-kms-key-id"),
    *("x-amz-server-side-encryption-context", "x-amz-server-side-encryption-bucket-key-enabled", "x-amz-write-offset-bytes"),
    *("x-amz-copy-source-server-side-encryption-customer-algorithm",),
)


def check(headers: Mapping[str, str]) -> None:
    """Refuse what would have to be done and is not. Raises S3Error."""
    if found := next((name for name in _UNDONE if name in headers), ""):
        raise S3Error("NotImplemented", Header=found)
    if headers.get("x-amz-server-side-encryption", "AES256") != "AES256":
        raise S3Error("NotImplemented", Header="x-amz-server-side-encryption")
    if headers.get("x-amz-acl", "private") not in _OWNERS or any(name.startswith("x-amz-grant-") for name in headers):
        raise S3Error("AccessControlListNotSupported")


def of_upload(headers: Mapping[str, str]) -> Metadata:
    """What an upload says of its object. Raises S3Error."""
    check(headers)
    kept = {"content-type": DEFAULT_TYPE} | {name: value for name in KEPT if (value := headers.get(name, ""))}
    if coding := kept.pop("content-encoding", ""):
        others = [one.strip() for one in coding.split(",") if one.strip().lower() != "aws-chunked"]
        kept |= {"content-encoding": ",".join(others)} if others else {}
    storage_class = headers.get("x-amz-storage-class", STANDARD)
    if storage_class not in CLASSES:
        raise S3Error("InvalidStorageClass", StorageClassRequested=storage_class[:100])
    tags = tags_of_header(headers["x-amz-tagging"]) if "x-amz-tagging" in headers else {}
    return Metadata(headers=kept, user=user_of(headers), tags=tags, storage_class=storage_class)


def user_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The user's own metadata. Raises S3Error: MetadataTooLarge."""
    found = {name.removeprefix(USER): value for name, value in headers.items() if name.startswith(USER) and name != USER}
    if sum(len(name.encode()) + len(value.encode()) for name, value in found.items()) > USER_LIMIT:
        raise S3Error("MetadataTooLarge", MaxSizeAllowed=USER_LIMIT)
    return found


def tags_of_header(header: str) -> dict[str, str]:
    """x-amz-tagging: a query. Raises S3Error."""
    try:
        pairs = parse_qsl(header, keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise invalid(_TAGGING, "x-amz-tagging", header[:200]) from None
    if len(dict(pairs)) < len(pairs):
        raise invalid(_TAGGING, "x-amz-tagging", header[:200])
    return tags_of(pairs)


def tags_of_document(body: bytes) -> dict[str, str]:
    """Tagging: an XML document. Raises S3Error."""
    held = parsed(body, "Tagging").only("TagSet").find("TagSet")
    if held is None:
        raise S3Error("MalformedXML")
    return tags_of([(one.only("Key", "Value").value("Key"), one.value("Value")) for one in held.only("Tag").children])


def tags_of(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """A set of tags. Raises S3Error."""
    if len(pairs) > TAGS:
        raise S3Error("BadRequest", f"Object tags cannot be greater than {TAGS}", status=400)
    found: dict[str, str] = {}
    for key, value in pairs:
        if not 1 <= len(key) <= 128 or not _TAG.fullmatch(key) or key.lower().startswith("aws:"):
            raise S3Error("InvalidTag", "The TagKey you have provided is invalid", TagKey=key[:200])
        if len(value) > 256 or not _TAG.fullmatch(value):
            raise S3Error("InvalidTag", "The TagValue you have provided is invalid", TagKey=key, TagValue=value[:300])
        if key in found:
            raise S3Error("InvalidTag", "Cannot provide multiple Tags with the same key", TagKey=key)
        found[key] = value
    return found


def of_answer(metadata: Metadata, content_type: str, overrides: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers of an object's answer. *overrides*: the request's parameters, response-… among them."""
    found = {**metadata.headers, "content-type": content_type}
    found |= {header: sound(overrides[name], name) for name, header in _OVERRIDES.items() if name in overrides}
    pairs = list(found.items())
    pairs += [(f"{USER}{name}", value) for name, value in metadata.user.items()]
    if metadata.storage_class != STANDARD:
        pairs.append(("x-amz-storage-class", metadata.storage_class))
    if metadata.tags:
        pairs.append(("x-amz-tagging-count", str(len(metadata.tags))))
    return pairs


def overridden(parameters: Mapping[str, str]) -> bool:
    """Whether a request says with which headers it wants its answer."""
    return any(name in parameters for name in _OVERRIDES)


def sound(value: str, name: str) -> str:
    """A header's value out of a query. Raises S3Error where it would break the framing."""
    if any(letter in "\r\n\0" for letter in value):
        raise invalid("Header value cannot be represented using ISO-8859-1.", name, value[:200])
    return value
