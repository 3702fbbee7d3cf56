"""Which bytes of an object a request asks for. Pure.

Source: RFC 9110, 14, as S3 reads it: one range; what is no range, or several, is ignored and the whole is sent."""

import re
from typing import Final, NamedTuple

from router.api.aws.s3.errors import S3Error, invalid

_RANGE: Final = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")


class Span(NamedTuple):
    """Bytes of an object."""

    start: int  # the first
    end: int  # behind the last

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.start

    def told(self, total: int) -> str:
        """As Content-Range."""
        return f"bytes {self.start}-{self.end - 1}/{total}"


def wanted(header: str, size: int) -> Span | None:
    """The span that a Range header asks for, of an object of *size* bytes; None: the whole. Raises S3Error: InvalidRange."""
    found = _RANGE.fullmatch(header.strip().replace(" ", ""))
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), size if not last else min(int(last) + 1, size)
        if last and int(last) < int(first):
            return None
    if start >= size or start >= end:
        raise S3Error("InvalidRange", ActualObjectSize=size, RangeRequested=header)
    return Span(start, end)


def copied(header: str, size: int) -> Span:
    """The span of x-amz-copy-source-range, which is never clamped: bytes=first-last. Raises S3Error."""
    if not header:
        return Span(0, size)
    found = _RANGE.fullmatch(header.strip())
    if found is None or not all(found.groups()):
        raise invalid(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the"
            " zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            header,
        )
    first, last = map(int, found.groups())
    if last < first:
        raise invalid(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the"
            " zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            header,
        )
    if first >= size:
        raise S3Error("InvalidRequest", "The specified copy range is invalid for the source object size")
    if last >= size:
        raise invalid(f"Range specified is not valid for source object of size: {size}", "x-amz-copy-source-range", header)
    return Span(first, last + 1)
