"""The page: files that come with the package, and what browsers may do with them."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from router.events.http import Request, Response

FILES: Final = Path(__file__).parent / "page"
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_ALLOWED: Final = ("default-src 'none'", *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect")))
_NEVER: Final = ("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'")
SAFE: Final = (
    ("content-security-policy", "; ".join((*_ALLOWED, *_NEVER))),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)


@cache
def files() -> Mapping[str, tuple[str, str, bytes]]:
    """Path in a URL → its type, its entity tag and its bytes; read once, when somebody first looks."""
    found = {}
    for path in sorted(FILES.iterdir()):
        if path.suffix in TYPES:
            data = path.read_bytes()
            name = "/" if path.name == "index.html" else f"/{path.name}"
            found[name] = TYPES[path.suffix], f'"{hashlib.sha256(data).hexdigest()[:20]}"', data
    return found


def page(request: Request) -> Response | None:
    """The file that a GET or HEAD asks for, or 304 for who has it; None when there is none."""
    if (found := files().get(request.path)) is None:
        return None
    kind, tag, data = found
    headers = (("content-type", kind), ("etag", tag), ("cache-control", "no-cache"), *SAFE)
    return Response(304, headers) if request.header("if-none-match") == tag else Response(200, headers, data)
