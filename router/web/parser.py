"""aiohttp's own request parser (llhttp, in C), for heads only: bodies, deadlines and budgets are ours.

A head is handed over whole and within its limits, to a parser that has seen nothing before: no state of one request
reaches the next. Imported when a listener starts: aiohttp takes a third of a second."""

import asyncio

from router.web.messages import Parse, RawHeaders
from router.web.sockets import CannotListen


class SlowParser(CannotListen):
    """aiohttp came without its C parser; the one in Python is refused unless it was asked for."""


def head_parser(*, pure_python: bool = False) -> Parse:
    """A function that parses one head. Raises SlowParser when only the Python parser is there and *pure_python* is not set."""
    from aiohttp import http_parser  # noqa: PLC0415 - see above
    from aiohttp.base_protocol import BaseProtocol  # noqa: PLC0415
    from aiohttp.http_exceptions import HttpProcessingError  # noqa: PLC0415

    parser_class = http_parser.HttpRequestParser
    if parser_class is http_parser.HttpRequestParserPy and not pure_python:
        raise SlowParser("aiohttp's C extension is missing (or AIOHTTP_NO_EXTENSIONS is set): its Python parser is more lenient and slower")
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)

    def parse(head: bytes) -> tuple[RawHeaders, bool]:
        parser = parser_class(
            protocol,
            loop,
            2**16,
            max_line_size=2**16,  # sizes are checked before: messages.read_head
            max_field_size=2**16,
            max_headers=2**10,
            response_with_body=False,  # the body is not the parser's
            auto_decompress=False,
        )
        try:
            messages, _, _ = parser.feed_data(head)
        except HttpProcessingError as error:
            raise ValueError(error.message.partition("\n")[0]) from None
        if len(messages) != 1:
            raise ValueError("not one request head")
        message = messages[0][0]
        return message.raw_headers, bool(message.should_close)

    return parse
