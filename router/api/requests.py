"""HTTP requests and answers as JSON, for those that come by hand over the control socket."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from router.errors import InvalidParameter
from router.events.http import Client, Request, Response

LIMIT: Final = 20 * 1024 * 1024  # bytes of an answer over the control socket, which holds it whole
_TEXTS: Final = ("method", "target", "peer", "host")


class ByHand(NamedTuple):
    """Who waits for the answer to such a request: the client of the one that carries it, in whose *form* answers go out."""

    client: Client
    form: Callable[[Response], Response]

    @property
    def left(self) -> bool:
        """See Client."""
        return self.client.left

    def answer(self, response: Response) -> None:
        """See Client."""
        self.client.answer(self.form(response))


def request_of(value: Mapping[str, Any], client: Client) -> Request:
    """{"method", "target", "headers": [[name, value]…], "body": base64, "peer", "host", "port"} as a request. Raises InvalidParameter."""
    method, target, peer, host = (value.get(name, "") for name in _TEXTS)
    headers = value.get("headers", [])
    port = value.get("port", 0)
    if not all(isinstance(one, str) for one in (method, target, peer, host)) or type(port) is not int:
        raise InvalidParameter(f"{', '.join(_TEXTS)} are texts, port is a number")
    if not isinstance(headers, list) or not all(_is_pair(one) for one in headers):
        raise InvalidParameter("headers is a list of pairs of texts, the names in ASCII")
    try:
        body = base64.b64decode(value.get("body", ""), validate=True)
        raw = [(name.encode("ascii"), text.encode()) for name, text in headers]
    except (ValueError, TypeError) as error:
        raise InvalidParameter(f"this is no request: {error}") from error
    lower = [(name.lower(), text) for name, text in headers]
    return Request(method, target, lower, body, peer=peer, host=host, port=port, client=client, raw_headers=raw)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value) and value[0].isascii()


def spelled(response: Response, body: Any) -> dict[str, Any]:
    """{"status", "headers", "body", "isBase64Encoded"}: a *body* (bytes) that is no UTF-8 is base64."""
    sent: bytes = body if isinstance(body, bytes) else b""
    told: dict[str, Any] = {"status": response.status, "headers": _pairs(response.headers)}
    try:
        return told | {"body": sent.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        return told | {"body": base64.b64encode(sent).decode(), "isBase64Encoded": True}


def _pairs(headers: Sequence[tuple[str, str]]) -> list[list[str]]:
    return [[name, value] for name, value in headers]


async def whole(response: Response) -> bytes:
    """The body, also of one that is streamed. Raises InvalidParameter for one over LIMIT bytes."""
    body = response.body
    if isinstance(body, bytes):
        return body
    found = bytearray()
    try:
        async for chunk in body:
            found += chunk
            if len(found) > LIMIT:
                raise InvalidParameter(f"the answer is larger than {LIMIT} bytes: send the request to the http listener")
    finally:
        if (close := getattr(body, "aclose", None)) is not None:
            await close()
    return bytes(found)
