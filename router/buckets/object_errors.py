"""Why the object store refuses something. Who speaks S3 gives each class its code, status and elements."""

from typing import ClassVar

from router.errors import RouterError


class ObjectError(RouterError):
    """Base of what is refused about objects and buckets; the text is for the log, AWS's own words are the face's."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "InvalidRequest"


class NoSuchBucket(ObjectError):
    """No bucket has this name."""

    status, code = 404, "NoSuchBucket"

    def __init__(self, bucket: str) -> None:
        super().__init__(f"no bucket has the name {bucket}")
        self.bucket = bucket


class NoSuchKey(ObjectError):
    """No object is under this key."""

    status, code = 404, "NoSuchKey"

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__("no object is under this key")
        self.bucket, self.key = bucket, key


class NoSuchUpload(ObjectError):
    """No multipart upload under this id, bucket and key: never begun, completed, aborted, or swept."""

    status, code = 404, "NoSuchUpload"

    def __init__(self, upload_id: str) -> None:
        super().__init__("no such upload")
        self.upload_id = upload_id


class BadName(ObjectError):
    """A key that no file can carry; the text says why."""

    status, code = 400, "InvalidArgument"


class KeyTooLong(ObjectError):
    """A key of more than 1,024 bytes."""

    status, code = 400, "KeyTooLongError"


class KeyConflict(ObjectError):
    """A file stands where the key needs a directory, or a directory with objects where it needs a file: `a` and `a/b`."""

    status, code = 409, "InvalidRequest"


class FolderThere(KeyConflict):
    """A directory where the key needs a file; whether objects are in it is not known yet."""


class PreconditionFailed(ObjectError):
    """A condition of a write did not hold; *condition* is the header's name, as AWS spells it in the error."""

    status, code = 412, "PreconditionFailed"

    def __init__(self, condition: str) -> None:
        super().__init__(f"{condition} did not hold")
        self.condition = condition


class Conflict(ObjectError):
    """The object changed while a conditional multipart upload was under way."""

    status, code = 409, "ConditionalRequestConflict"


class InvalidPart(ObjectError):
    """A part that completing names was not uploaded, or its eTag or checksum is another."""

    status, code = 400, "InvalidPart"

    def __init__(self, number: int, etag: str) -> None:
        super().__init__(f"part {number} was not uploaded like this")
        self.number, self.etag = number, etag


class InvalidPartOrder(ObjectError):
    """Parts that are not named in ascending order."""

    status, code = 400, "InvalidPartOrder"


class PartTooSmall(ObjectError):
    """A part other than the last that is smaller than 5 MiB."""

    status, code = 400, "EntityTooSmall"

    def __init__(self, number: int, etag: str, size: int) -> None:
        super().__init__(f"part {number} has {size} bytes only")
        self.number, self.etag, self.size = number, etag, size


class BadChecksum(ObjectError):
    """The checksum given for a whole multipart object, or for one of its parts, is not that of what was uploaded."""

    status, code = 400, "BadDigest"

    def __init__(self, algorithm: str, part: int = 0) -> None:
        super().__init__(f"the {algorithm} given is not that of {f'part {part}' if part else 'the object'}")
        self.part = part  # its number; 0: the whole
        self.algorithm = algorithm


class MissingChecksum(ObjectError):
    """Completing an upload with composite checksums needs each part's; *number* has none."""

    status, code = 400, "InvalidRequest"

    def __init__(self, algorithm: str, number: int) -> None:
        super().__init__(f"part {number} is named without its {algorithm}")
        self.algorithm, self.number = algorithm, number


class BadSize(ObjectError):
    """The size given for a whole multipart object is not that of its parts."""

    status, code = 400, "InvalidRequest"


class OtherChecksumType(ObjectError):
    """The kind of checksum given for a whole multipart object is not the one that its upload was begun with."""

    status, code = 400, "InvalidRequest"

    def __init__(self, kind: str) -> None:
        mode = kind or "null"
        super().__init__(f"The upload was created using the {mode} checksum mode. The complete request must use the same checksum mode.")


class TooLarge(ObjectError):
    """More bytes than one put, part or object may have."""

    status, code = 400, "EntityTooLarge"


class BucketNotEmpty(ObjectError):
    """A bucket that still has objects, or files that are none."""

    status, code = 409, "BucketNotEmpty"


class StorageTrouble(ObjectError):
    """The disk, or the root of the bucket, does not do its part now: full, read-only, unmounted, gone."""

    status, code = 503, "ServiceUnavailable"
