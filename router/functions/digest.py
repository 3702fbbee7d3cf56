"""CodeSha256. Pure.

Of a .zip, as on Lambda: base64 of the SHA-256 of the archive. Of a directory, ours: base64 of the SHA-256 over one line an entry,
sorted by path as bytes, `KIND SHA256 PATH\\0`, where KIND is `file`, `exec` (any executable bit), `link` or `dir` (an empty directory),
and SHA256 that of the content, of a link's target or of nothing, in hexadecimal. Owners, times and other modes do not count."""

import base64
import hashlib
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

Kind = Literal["file", "exec", "link", "dir"]
NAME: Final = 32  # hexadecimal digits of a digest that name its tree


class Line(NamedTuple):
    """One entry."""

    path: bytes
    kind: Kind
    sha256: str  # hexadecimal


def of_lines(lines: Iterable[Line]) -> bytes:
    """The digest of a directory."""
    total = hashlib.sha256()
    for line in sorted(lines):
        total.update(f"{line.kind} {line.sha256} ".encode() + line.path + b"\0")
    return total.digest()


def of_text(text: bytes = b"") -> str:
    """The digest of a link's target, or of nothing."""
    return hashlib.sha256(text).hexdigest()


def spoken(digest: bytes) -> str:
    """As CodeSha256 shows it."""
    return base64.b64encode(digest).decode()


def name(digest: bytes) -> str:
    """What the tree is called in the state directory."""
    return digest.hex()[:NAME]
