"""An HTTP request and its answer as facts. Pure; knows no server.

Source of truth: RFC 9110 and RFC 9112. A listener (router/web) makes requests and sends responses;
gateways (http_api.py) turn the one into an event and a result into the other."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

Headers = Sequence[tuple[str, str]]

FIELD_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token: RFC 9110, 5.1

T = TypeVar("T")


class Known(dict[str, T]):
    """What is made of names of headers, by name: the same few come again and again. Neither many names nor long ones are kept."""

    LONGEST: Final = 64  # characters
    MOST: Final = 1024  # names

    def __init__(self, make: Callable[[str], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> T:
        """Make it; raises what that raises."""
        made = self._make(name)
        if len(name) <= self.LONGEST:
            if len(self) >= self.MOST:
                self.clear()
            self[name] = made
        return made


class Response(NamedTuple):
    """What goes back. The listener adds content-length, date and connection, and leaves the body out where HTTP has none."""

    status: int  # 200–599
    headers: Headers = ()
    body: bytes | AsyncIterator[bytes] = b""  # an iterator is sent chunk by chunk, and closed when the client leaves


class Client(Protocol):
    """Who waits for the answer to a request."""

    @property
    def left(self) -> bool:
        """Whether nobody waits any more: who asked is gone, will send no more, or has an answer. Any thread may look."""
        ...

    def answer(self, response: Response) -> None:
        """Answer now; the handler goes on and what it returns is dropped."""


class _Nobody:
    """Where no client is known: an answer reaches nobody, and nobody leaves."""

    left: Final = False

    def answer(self, response: Response) -> None:
        """Drop it."""


NOBODY: Final = _Nobody()


class Request(NamedTuple):
    """One request, complete. A NamedTuple: made for every request, and a frozen dataclass costs four times as much."""

    method: str  # as sent: upper case
    target: str  # origin form as sent, percent-encoded: /path?query; "*" for OPTIONS *
    headers: Headers  # in order; names lower-case, values UTF-8 where they are, else Latin-1
    body: bytes = b""
    peer: str = ""  # IP address of the client; "" on a Unix socket
    host: str = ""  # as sent, with its port when it has one
    port: int = 0  # of ours the client reached; 0 on a Unix socket
    version: str = "HTTP/1.1"
    scheme: str = "http"
    client: Client = NOBODY
    raw_headers: Sequence[tuple[bytes, bytes]] = ()  # the same headers as they came; () when nobody kept them
    stream: AsyncIterator[bytes] | None = None  # the body as it arrives, where the listener's owner asked for that; body is empty then
    learned: dict[Any, Any] | None = None  # what was made of these headers alone, while the client sends the same; None: nobody keeps it

    @property
    def path(self) -> str:
        """The target up to the question mark, percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target behind the question mark, as sent; "" when there is none."""
        return self.target.partition("?")[2]

    def named_as_sent(self) -> Headers:
        """The headers, their names in the letter case in which they were sent."""
        if not self.raw_headers:
            return self.headers
        return [(name.decode("ascii"), value) for (name, _), (_, value) in zip(self.raw_headers, self.headers, strict=True)]

    def header(self, name: str) -> str:
        """The first header of this lower-case *name*; "" when there is none."""
        for key, value in self.headers:
            if key == name:
                return value
        return ""
