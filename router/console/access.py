"""Who may use the console: whoever has its token, and from no page but its own.

STATE/console.token holds the token, mode 0600: who can read the daemon's files may operate it. A browser keeps it in its session storage and
sends it in a header. No cookie: browsers send those to every port of a host, so that functions on the http listener would be handed it."""

import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from router.disk import sync
from router.errors import JournalError
from router.events.http import Request

NAME: Final = "console.token"
PREFIX: Final = "erc_"  # by which scanners for leaked secrets can know one
LONGEST: Final = 256  # bytes of the file
_BYTES: Final = 32


def token_of(state: Path) -> str:
    """The token of a state directory, made when there is none.

    Raises JournalError for one that others can read, that is empty, or where none can be read or made."""
    path = state / NAME
    try:
        made = _made(path)
        return made or _kept(path)
    except OSError as error:
        raise JournalError(f"cannot read {path}: {error.strerror or error}") from error


def _made(path: Path) -> str:
    """A new token, synced; "" when there is a file already."""
    if path.exists():
        return ""
    token, fresh = f"{PREFIX}{secrets.token_urlsafe(_BYTES)}", path.with_name(f".{NAME}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{token}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync(path.parent)
    return token


def _kept(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077 or not stat.S_ISREG(found.st_mode):
            raise JournalError(
                f"{path} is not this user's own file, closed to others: chown and chmod 600 it, or remove it for a new token"
            )
        token = file.read(LONGEST).decode("ascii", "replace").strip()
    if len(token) < _BYTES or not token.isprintable():
        raise JournalError(f"{path} holds no token: remove it, and a new one is made")
    return token


def refused(request: Request, token: str) -> int:
    """0 for a request that may go on; else the status to refuse it with: 403 from another page, 401 without the token."""
    if _foreign(request):
        return 403
    scheme, _, given = request.header("authorization").partition(" ")
    right = hmac.compare_digest(given.strip().encode(), token.encode())  # always, so that a wrong scheme takes as long
    return 0 if token and right and scheme.lower() == "bearer" else 401


def _foreign(request: Request) -> bool:
    """Whether a page of another origin asks. What a browser says itself counts before names, which a proxy in between changes."""
    if site := request.header("sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = request.header("origin")
    return bool(origin) and origin != f"{request.scheme}://{request.host}"
