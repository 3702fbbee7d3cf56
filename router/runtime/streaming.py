"""A handler's answer in pieces: our extension, as AWS's Python runtime cannot stream. Standard library only; runs in the worker.

A handler that is asked for a stream may return an iterator (a generator, an open file) of bytes or str. Its first item may be
a dict of statusCode, headers and cookies: the prelude of an HTTP answer. Format: Lambda developer guide, "Building a custom
runtime", response streaming; AWS's Node.js runtime client, HttpResponseStream. Pure but for the iterator, which is the function's."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from router.runtime.marshalling import Fault, to_json

LIMIT: Final = 200 * 1024 * 1024  # bytes of one answer; router.model has the same number for the daemon's floors
HTTP_INTEGRATION: Final = "application/vnd.awslambda.http-integration-response"  # as there
PLAIN: Final = "application/octet-stream"
_PRELUDE_END: Final = bytes(8)


class TooLarge(Exception):
    """The answer is over LIMIT."""


def streams(result: Any) -> bool:
    """Whether a handler's result is an answer in pieces."""
    return isinstance(result, Iterator)


def opened(items: Iterator[Any], *, raw: bool) -> tuple[str, Iterator[bytes]]:
    """The answer's content type and its pieces, once the function has given the first. Raises what the function raises, Fault.

    The pieces raise the same, and TooLarge."""
    first = next(items, b"")
    if not isinstance(first, dict):
        return PLAIN, _limited(map(_bytes, chain((first,), items)))
    try:
        prelude = to_json(first, raw=raw)
    except Exception as error:
        raise _fault(str(error)) from error
    return HTTP_INTEGRATION, _limited(chain((prelude + _PRELUDE_END,), map(_bytes, items)))


def close(items: Iterator[Any]) -> None:
    """Have the function clean up behind itself; raises what it raises."""
    end = getattr(items, "close", None)
    if callable(end):
        end()


def _limited(pieces: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > LIMIT:
            raise TooLarge
        yield piece


def _bytes(item: Any) -> bytes:
    if isinstance(item, str):
        try:
            return item.encode()
        except ValueError as error:  # lone surrogates
            raise _fault(str(error)) from error
    if isinstance(item, bytes | bytearray | memoryview):
        return bytes(item)
    raise _fault(f"a streamed piece is bytes or str, not {type(item).__name__}")


def _fault(reason: str) -> Fault:
    return Fault("Runtime.MarshalError", f"Unable to marshal response: {reason}")
