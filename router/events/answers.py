"""What gateways read in a function's answer: status, headers, cookies, body. Pure.

The rules that differ stand with each gateway; what is refused here is refused by all of them, for it would break
the answer on the wire. Sources: API Gateway developer guide, "Lambda proxy integrations" and "Known issues"; recorded
verdicts in tests/golden/responses_*.json."""

import base64
import re
from typing import Any, Final

import orjson

from router.events.gateway import Malformed
from router.events.http import FIELD_NAME, Known

HEADER_SIZE: Final = 32 * 1024  # characters of the names and values of one answer; more is a malformed result
REMAPPED: Final = frozenset(("connection", "content-length", "date", "server"))  # sent on as x-amzn-Remapped-NAME
HOP_BY_HOP: Final = frozenset(("keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"))


class Passing:
    """What becomes of a function's headers at one kind of gateway, by lower-case name."""

    __slots__ = ("dropped", "names", "remapped")

    def __init__(self, dropped: frozenset[str], remapped: frozenset[str] = REMAPPED) -> None:
        self.dropped, self.remapped = dropped, remapped
        self.names: Known[Sent] = Known(self._sent)

    def _sent(self, name: str) -> "Sent":
        """Raises Malformed when it is no name."""
        if not FIELD_NAME.fullmatch(name):
            raise Malformed(f"{name!r:.40} is no header name")
        low = name.lower()
        return "" if low in self.dropped else f"x-amzn-Remapped-{name}" if low in self.remapped else name, low


Sent = tuple[str, str]
"""The name under which a header goes out, "" when it does not, and its lower case."""

Named = dict[str, tuple[str, str]]
"""Headers by lower-case name: the name as it is sent, and the value."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110, 5.5: what a header value must not hold
_STATUS: Final = re.compile("[0-9]{3}")


def parsed(result: bytes) -> Any:
    """A result as a value. Raises Malformed when it is no JSON."""
    try:
        return orjson.loads(result)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the result is not JSON: {error}") from None


def status(value: Any) -> int:
    """200–599, as a number or as its text. Raises Malformed."""
    if type(value) is int and 200 <= value <= 599:  # nearly always
        return value
    return status_number(int(value) if isinstance(value, str) and _STATUS.fullmatch(value) else value)


def status_number(value: Any) -> int:
    """200–599, as a number alone. Raises Malformed."""
    if type(value) is int and 200 <= value <= 599:
        return value
    raise Malformed(f"statusCode is {value!r:.40}, not a number from 200 to 599")


def headers(value: Any, passing: Passing) -> Named:
    """A function's `headers`, as far as they pass; of names alike but for case the last wins. Raises Malformed."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed("headers is no object")
    found: Named = {}
    names = passing.names
    for name, scalar in value.items():
        if scalar is None:
            continue
        sent, low = names[name]
        if sent:
            found[low] = sent, scalar if type(scalar) is str and scalar.isprintable() else text(name, scalar)
    return found


def spelt_headers(value: Any, passing: Passing) -> list[tuple[str, tuple[str, str]]]:
    """Like headers(), but names alike but for case are a line each: its name in lower case, and the line. Raises Malformed."""
    if value is None:
        return []
    if not isinstance(value, dict):
        raise Malformed("headers is no object")
    named = [(passing.names[name], text(name, one)) for name, one in value.items() if one is not None]
    return [(low, (sent, said)) for (sent, low), said in named if sent]


def multi_headers(value: Any, passing: Passing) -> dict[str, list[tuple[str, str]]]:
    """A function's `multiValueHeaders` by lower-case name: one header line for each value. Raises Malformed."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed("multiValueHeaders is no object")
    found: dict[str, list[tuple[str, str]]] = {}
    for name, values in value.items():
        if not isinstance(values, list):
            raise Malformed(f"multiValueHeaders: {name!r:.40} holds no list")
        sent, low = passing.names[name]
        if sent:
            found.setdefault(low, []).extend((sent, text(name, scalar)) for scalar in values if scalar is not None)
    return found


def text(name: str, value: Any) -> str:
    """A scalar as the text of a header value. Raises Malformed."""
    if isinstance(value, str):
        said = value
    elif isinstance(value, list | dict) or value is None:
        raise Malformed(f"{name!r:.40} holds a {type(value).__name__}, not text")
    else:
        said = written(value).decode()
    if _CONTROL.search(said):
        raise Malformed(f"{name!r:.40} holds a control character, which would split the answer's headers")
    return said


def cookies(value: Any) -> list[tuple[str, str]]:
    """One set-cookie header for each cookie. Raises Malformed."""
    if not isinstance(value, list):
        raise Malformed("cookies is no list")
    return [("set-cookie", text("cookies", cookie)) for cookie in value]


def check_size(found: list[tuple[str, str]]) -> None:
    """Raise Malformed when the headers are over HEADER_SIZE."""
    size = 0
    for name, value in found:
        size += len(name) + len(value)
    if size > HEADER_SIZE:
        raise Malformed(f"the headers have more than {HEADER_SIZE} characters")


def written(value: Any) -> bytes:
    """A parsed value as JSON text without spaces. Raises Malformed: what can be read may be nested too deep to be written."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise Malformed(f"the body cannot be written as JSON: {error}") from None


def unencoded(body: str) -> bytes:
    """The bytes of a body in base64. Raises Malformed."""
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise Malformed("isBase64Encoded is true, but the body is not base64") from None
