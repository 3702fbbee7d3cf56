"""Where code comes from that is sent or named: an archive in the request, or an object in a bucket. Blocking, but for the class."""

import asyncio
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from router.api.aws.lambda_.place import invalid, text
from router.api.aws.lambda_.rooms import FUNCTIONS, Rooms
from router.api.aws.service import Call, Need
from router.buckets import object_keys, roots
from router.buckets.beneath import beneath
from router.buckets.object_errors import ObjectError
from router.errors import CodeRefused, JournalError
from router.functions.uploads import LARGEST, sha256_of

_NO_KEY: Final = "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
_NO_BUCKET: Final = "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist"


def needs(code: Mapping[str, Any]) -> list[Need]:
    """What the caller must be allowed to have code taken from there."""
    if not code.get("S3Bucket"):
        return []
    return [Need("s3:GetObject", f"arn:aws:s3:::{text(code, 'S3Bucket')}/{text(code, 'S3Key')}")]


def needs_of_call(call: Call) -> Sequence[Need]:
    """The same of an operation with Code, Content, or their members at the top."""
    return needs(call.parameters.get("Code") or call.parameters.get("Content") or call.parameters)


async def kept(rooms: Rooms, code: Mapping[str, Any]) -> str:
    """Have the code on the disk; where, relative to the state directory. Raises AwsError, JournalError."""
    data = code.get("ZipFile")
    if data is None and not code.get("S3Bucket"):
        raise invalid("Please provide a source for function code.")
    if data is not None and code.get("S3Bucket"):
        raise invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
    if code.get("SourceKMSKeyArn"):
        raise invalid("SourceKMSKeyArn is not supported: there are no keys of KMS here")
    if code.get("S3ObjectStorageMode") == "REFERENCE":
        raise invalid("S3ObjectStorageMode REFERENCE is not supported: code is copied")
    try:
        found = bytes(data) if data is not None else await asyncio.to_thread(_object, rooms, code)
        return await asyncio.to_thread(rooms.uploads.keep, found)
    except CodeRefused as error:
        raise invalid(str(error)) from error
    except OSError as error:
        raise JournalError(f"cannot keep the archive: {error.strerror}; nothing has changed") from error


def _object(rooms: Rooms, code: Mapping[str, Any]) -> bytes:
    """An object of a bucket's directory. Raises AwsError, OSError."""
    if code.get("S3ObjectVersion"):
        raise invalid("S3ObjectVersion is not supported: buckets have no versions")
    bucket = rooms.config.buckets.get(text(code, "S3Bucket"))
    if bucket is None:
        raise invalid(_NO_BUCKET)
    try:
        return _read(bucket.place, text(code, "S3Key"))
    except (OSError, ValueError, ObjectError):
        raise invalid(_NO_KEY) from None


def _read(directory: Path, key: str) -> bytes:
    """The file of a key, whole; never one outside the directory, or by a name that is no key: who may read one key was asked, and `a/../b`
    is not in `a/`. Raises OSError, ValueError, AwsError, ObjectError."""
    object_keys.place(key)
    root = roots.opened(directory)
    try:
        descriptor = beneath(root, key)
    finally:
        os.close(root)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or not key:
            raise ValueError(key)
        if found.st_size > LARGEST:
            raise invalid(f"Zipped size must be smaller than {LARGEST} bytes")
        return file.read(LARGEST + 1)


async def swept(rooms: Rooms) -> None:
    """Remove archives that nothing has any more. What cannot be removed now goes another time."""
    used = {function.sha256 for function in (*rooms.functions, *rooms.versions.all())} | rooms.layers.used()
    for fragment in rooms.declared.of(FUNCTIONS):
        used |= {sha256_of(str(place)) for place in (fragment.value.get("code"), *fragment.value.get("layers", ()))}
    with suppress(OSError):
        await asyncio.to_thread(rooms.uploads.collect, used, rooms.clock.monotonic())
