"""Two HTTP parsers that are not ours, to hold our readings against: aiohttp's (llhttp, in C) and h11."""

import asyncio
from typing import NamedTuple

import h11
from aiohttp import http_parser
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError

SIZE = 2**20  # of anything: sizes are ours to limit


class Reading(NamedTuple):
    """What a parser made of one request's head."""

    method: str
    target: str
    version: str
    headers: list[tuple[str, bytes]]  # lower-case names
    close: bool
    chunked: bool


class Llhttp:
    """aiohttp's parser, as its own server uses it: strict."""

    def __init__(self) -> None:
        assert http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy, "aiohttp came without its C parser"
        self._loop = asyncio.new_event_loop()
        self._protocol = BaseProtocol(self._loop)

    def close(self) -> None:
        """End the loop that was never run."""
        self._loop.close()

    def read(self, head: bytes) -> Reading | None:
        """One whole head; None where it is refused, or is not one head."""
        parser = http_parser.HttpRequestParser(
            self._protocol, self._loop, SIZE, max_line_size=SIZE, max_field_size=SIZE, response_with_body=False, auto_decompress=False
        )
        try:
            messages, _, _ = parser.feed_data(head)
        except HttpProcessingError:
            return None
        if len(messages) != 1:
            return None
        found = messages[0][0]
        headers = [(name.decode().lower(), value) for name, value in found.raw_headers]
        version = f"HTTP/{found.version.major}.{found.version.minor}"
        return Reading(found.method, found.path, version, headers, bool(found.should_close), bool(found.chunked))


class Exchange(NamedTuple):
    """One whole request as h11 read it."""

    method: str
    target: str
    headers: list[tuple[str, bytes]]
    body: bytes


def read_all(wire: bytes) -> list[Exchange]:
    """Every whole request on the wire, up to the first that h11 refuses or that is cut short, and the first that ends the connection."""
    found: list[Exchange] = []
    while True:
        while wire.startswith(b"\r\n"):  # RFC 9112, 2.2: before a request; h11 knows no such tolerance
            wire = wire[2:]
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=SIZE)
        connection.receive_data(wire)
        try:
            request = connection.next_event()
            if not isinstance(request, h11.Request):
                return found
            body = b""
            while isinstance(event := connection.next_event(), h11.Data):
                body += bytes(event.data)
        except h11.RemoteProtocolError:
            return found
        if not isinstance(event, h11.EndOfMessage):
            return found
        found.append(Exchange(request.method.decode(), request.target.decode(), list(_named(request)), body))
        if connection.their_state not in (h11.DONE, h11.MIGHT_SWITCH_PROTOCOL):  # MUST_CLOSE
            return found
        wire = connection.trailing_data[0]


def _named(request: h11.Request) -> list[tuple[str, bytes]]:
    return [(name.decode(), value) for name, value in request.headers]
