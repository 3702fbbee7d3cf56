"""The X-Ray trace of a request, which what it causes continues."""

from typing import Final

from router.events.http import Request

LONGEST: Final = 1000  # characters


def valid(header: str) -> bool:
    """Whether it could be a trace header, or is none at all."""
    return header.isascii() and header.isprintable() and len(header) <= LONGEST


def trace_of(request: Request) -> str:
    """The X-Ray header of a request; "" when there is none that could be one."""
    header = request.header("x-amzn-trace-id")
    return header if valid(header) else ""
