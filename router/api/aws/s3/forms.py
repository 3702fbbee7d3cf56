"""multipart/form-data as browsers send it to a bucket: small fields first, the file last, taken apart as it comes.

Pure and incremental. Sources: RFC 7578, RFC 2046, 5.1; S3 API reference, "POST Object"."""

import re
from email.message import Message
from typing import Final

from router.api.aws.s3.errors import S3Error

FIELDS: Final = 20 * 1024  # bytes of all fields before the file: AWS's own limit
COUNT: Final = 200
HEAD: Final = 4096  # bytes of one part's headers
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,70}")


def boundary_of(content_type: str) -> bytes:
    """What stands between the parts. Raises S3Error."""
    message = Message()
    message["content-type"] = content_type
    found = message.get_param("boundary")
    if message.get_content_type() != "multipart/form-data" or not isinstance(found, str) or not _BOUNDARY.fullmatch(found):
        raise S3Error("PreconditionFailed", Condition="Bucket POST must be of the enclosure-type multipart/form-data")
    return found.encode()


class Form:
    """Bytes in, fields and the bytes of the file out. What stands behind the file is not looked at."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}  # names lower-case
        self.begun = False  # the file's head is here: all fields are known
        self.ended = False  # all of the file was given out
        self.filename: str | None = None  # None: the file came as a field like others
        self.content_type = ""
        self._line = b"\r\n--" + boundary
        self._held = bytearray(b"\r\n")  # so that the first boundary looks as all others do
        self._name: str | None = None  # of the field that comes; None: before the first
        self._size = 0

    def feed(self, data: bytes) -> bytes:
        """The file's bytes in *data*. Raises S3Error."""
        if self.ended:
            return b""
        self._held += data
        while not self.begun:
            if not self._field():
                return b""
        return self._file()

    def _field(self) -> bool:
        """One boundary and the head behind it; whether there may be more."""
        end = self._held.find(self._line)
        if end < 0:
            if len(self._held) > FIELDS + HEAD:
                raise S3Error("MaxPostPreDataLengthExceeded", "Your POST request fields preceding the upload file were too large.")
            return False
        head_end = self._held.find(b"\r\n\r\n", end + len(self._line))
        if head_end < 0:
            if self._held[end + len(self._line) : end + len(self._line) + 2] == b"--":
                raise S3Error("InvalidArgument", "POST requires exactly one file upload per request.", ArgumentName="file", ArgumentValue=0)
            if len(self._held) - end > HEAD:
                raise S3Error("MalformedPOSTRequest")
            return False
        self._close_field(bytes(self._held[:end]))
        head = bytes(self._held[end + len(self._line) : head_end])
        del self._held[: head_end + 4]
        self._open_field(head)
        return True

    def _close_field(self, value: bytes) -> None:
        if self._name is None:
            if value not in (b"", b"\r\n"):
                raise S3Error("MalformedPOSTRequest")
            return
        self._size += len(value) + len(self._name)
        if self._size > FIELDS or len(self.fields) >= COUNT:
            raise S3Error("MaxPostPreDataLengthExceeded", "Your POST request fields preceding the upload file were too large.")
        if self._name in self.fields:
            raise S3Error("InvalidArgument", "A field stands there twice", ArgumentName=self._name[:100])
        try:
            self.fields[self._name] = value.decode()
        except UnicodeDecodeError:
            raise S3Error("MalformedPOSTRequest") from None

    def _open_field(self, head: bytes) -> None:
        if not head.startswith(b"\r\n") or len(head) > HEAD:
            raise S3Error("MalformedPOSTRequest")
        message = Message()
        for line in head[2:].split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if not colon:
                raise S3Error("MalformedPOSTRequest")
            message[name.decode("latin-1").strip()] = value.decode("utf-8", "replace").strip()
        field = message.get_param("name", header="content-disposition")
        if not isinstance(field, str):
            raise S3Error("MalformedPOSTRequest")
        self._name = field.lower()
        if self._name == "file":
            filename = message.get_param("filename", header="content-disposition")
            self.filename = filename.replace("\\", "/").rpartition("/")[2] if isinstance(filename, str) else None
            self.content_type = message.get("content-type", "")
            self.begun = True

    def _file(self) -> bytes:
        """What is surely the file's."""
        end = self._held.find(self._line)
        if end >= 0:
            found = bytes(self._held[:end])
            self._held.clear()
            self.ended = True
            return found
        keep = len(self._line) - 1
        found = bytes(self._held[:-keep]) if len(self._held) > keep else b""
        del self._held[: len(found)]
        return found
