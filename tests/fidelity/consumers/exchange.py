"""One request over a raw socket, byte for byte as written, and its answer with nothing normalised on the way."""

import http.client
import socket
from typing import NamedTuple


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: list[tuple[str, str]]  # in order, names as sent
    body: bytes

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a header, in order; names compare without case."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())


def ask(
    port: int, method: str, target: str, headers: list[tuple[str, str]], body: bytes = b"", *, host: str = "", timeout: float = 30.0
) -> Answer:
    """Send the request on a connection of its own to 127.0.0.1:*port*; a content-length is added where framing needs one, no more."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port}'}"]
    lines += [f"{name}: {value}" for name, value in headers]
    chunked = any(name.lower() == "transfer-encoding" for name, _ in headers)
    if not chunked and (body or method in {"POST", "PUT", "PATCH"}):
        lines.append(f"Content-Length: {len(body)}")
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        answer = http.client.HTTPResponse(connection, method=method)
        try:
            answer.begin()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            answer.close()
