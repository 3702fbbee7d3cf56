"""Refusals of the object store and of the config, in S3's words. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from router.api.aws.s3.call import S3Call
from router.api.aws.s3.errors import S3Error
from router.buckets import object_errors as refused
from router.buckets.assembly import SMALLEST
from router.errors import InvalidParameter, JournalError, RouterError

Teller = Callable[[Any, S3Call], S3Error]


def told_of(error: Exception, call: S3Call) -> S3Error:
    """What the sender is told. Of what is nobody's business but ours: InternalError."""
    if isinstance(error, S3Error):
        return error
    tell = next((_TOLD[kind] for kind in type(error).__mro__ if kind in _TOLD), None)
    return tell(error, call) if tell is not None else S3Error("InternalError")


def _conflict(_: refused.Conflict, call: S3Call) -> S3Error:
    condition = "If-None-Match" if "if-none-match" in call.headers else "If-Match"
    return S3Error("ConditionalRequestConflict", Condition=condition, Key=call.key)


def _small(error: refused.PartTooSmall, _: S3Call) -> S3Error:
    return S3Error("EntityTooSmall", ProposedSize=error.size, MinSizeAllowed=SMALLEST, PartNumber=error.number, ETag=error.etag)


def _part(error: refused.InvalidPart, call: S3Call) -> S3Error:
    return S3Error("InvalidPart", UploadId=call.parameters.get("uploadId"), PartNumber=error.number, ETag=error.etag)


def _missing(error: refused.MissingChecksum, _: S3Call) -> S3Error:
    return S3Error(
        "InvalidRequest",
        f"The upload was created using a {error.algorithm} checksum. The complete request must include the checksum for each part."
        f" It was missing for part {error.number} in the request.",
    )


def _bad(error: refused.BadChecksum, _: S3Call) -> S3Error:
    if error.part:
        return S3Error("BadDigest", f"The {error.algorithm} you specified for part {error.part} did not match what we received.")
    return S3Error("BadDigest", f"The {error.algorithm} you specified did not match the calculated checksum.")


def _spoken(error: RouterError, _: S3Call) -> S3Error:
    return S3Error(error.code, str(error), status=error.status)


_TOLD: Final[Mapping[type[Any], Teller]] = {
    refused.NoSuchBucket: lambda error, _: S3Error("NoSuchBucket", BucketName=error.bucket),
    refused.NoSuchKey: lambda error, call: call.unseen(error),
    refused.NoSuchUpload: lambda error, _: S3Error("NoSuchUpload", UploadId=error.upload_id),
    refused.KeyTooLong: lambda _, __: S3Error("KeyTooLongError"),
    refused.PreconditionFailed: lambda error, _: S3Error("PreconditionFailed", Condition=error.condition),
    refused.Conflict: _conflict,
    refused.InvalidPart: _part,
    refused.InvalidPartOrder: lambda _, call: S3Error("InvalidPartOrder", UploadId=call.parameters.get("uploadId")),
    refused.PartTooSmall: _small,
    refused.BadChecksum: _bad,
    refused.MissingChecksum: _missing,
    refused.BucketNotEmpty: lambda _, call: S3Error("BucketNotEmpty", BucketName=call.bucket),
    refused.TooLarge: lambda _, __: S3Error("EntityTooLarge"),
    refused.StorageTrouble: lambda _, __: S3Error("ServiceUnavailable"),
    refused.ObjectError: _spoken,
    JournalError: lambda _, __: S3Error("ServiceUnavailable"),
    InvalidParameter: lambda error, _: S3Error("InvalidArgument", str(error)),
    RouterError: lambda error, _: S3Error("OperationAborted" if error.status == 409 else "InternalError", str(error), status=error.status),
}
