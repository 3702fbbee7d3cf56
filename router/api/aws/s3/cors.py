"""Requests that pages make: preflights, and what lets a page read its answer. Pure. Source: Fetch standard, "CORS protocol".

Every origin is let in: nothing but a signature counts here, no cookie and no address does, so a page can do what the URL or the
form that somebody signed for it allows, and nothing more. Rules of a bucket's own are not kept."""

from typing import Final

from router.api.aws.s3.errors import S3Error
from router.events.http import FIELD_NAME, Headers, Request, Response

METHODS: Final = ("GET", "PUT", "POST", "DELETE", "HEAD")
EXPOSED: Final = "ETag, Content-Range, Accept-Ranges, x-amz-request-id, x-amz-id-2, x-amz-checksum-crc32, x-amz-mp-parts-count"
AGE: Final = 3000  # seconds that a page may go by the answer
_LONGEST: Final = 4096  # characters of the headers that are asked for


def preflight(request: Request) -> Response:
    """The answer to OPTIONS. Raises S3Error."""
    origin, method = request.header("origin"), request.header("access-control-request-method")
    if not origin:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    names = [name.strip() for name in request.header("access-control-request-headers").split(",") if name.strip()]
    if method not in METHODS or sum(map(len, names)) > _LONGEST or not all(map(FIELD_NAME.fullmatch, names)):
        raise S3Error("AccessForbidden")
    told = [("access-control-allow-methods", ", ".join(METHODS)), ("access-control-max-age", str(AGE)), ("vary", _VARY)]
    allowed = [("access-control-allow-headers", ", ".join(names).lower())] if names else []
    return Response(200, [*told, *allowed])


def opened(request: Request) -> Headers:
    """What lets the page that made a request read its answer; nothing where no page did."""
    if not request.header("origin"):
        return []
    return [("access-control-allow-origin", "*"), ("access-control-expose-headers", EXPOSED)]


_VARY: Final = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
