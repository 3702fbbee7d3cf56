"""Who may use the console: whoever has its token, and from no page but its own.

STATE/console.token holds the token, mode 0600: who can read the daemon's files may operate it. A browser keeps it in its session storage and
sends it in a header. No cookie: browsers send those to every port of a host, so that functions on the http listener would be handed it."""

import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from router.credentials import check_private, read_whole
from router.disk import replace_private
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
        if not os.path.lexists(path):
            replace_private(path, f"{PREFIX}{secrets.token_urlsafe(_BYTES)}\n".encode())
        check_private(path, path.lstat())  # of a link its own: it is open to all
    except OSError as error:
        raise JournalError(f"cannot read or make {path}: {error.strerror or error}") from error
    token = read_whole(path, LONGEST).decode("ascii", "replace").strip()
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
