"""The event of payload format 2.0 as text: that of the value, whatever came before on its connection."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.function_url import FunctionUrl
from router.events.gateway import FREE, Api, Arrival, Asked, Gateway, Passage
from router.events.http import Request
from router.events.http_api import HttpApi
from router.events.payload_v2 import Sent

GATEWAYS: tuple[Gateway, ...] = (
    HttpApi(Api("123456789012", "abc123")),
    HttpApi(Api("123456789012", "abc123", stage="prod", stage_variables={"a": '"'})),
    HttpApi(Api("123456789012", "other")),
    FunctionUrl("f.lambda-url.us-east-1.localhost"),
    FunctionUrl("g.lambda-url.us-east-1.localhost", "123456789012"),
)
TEXTS = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), max_size=8)
NAMES = st.sampled_from(
    ("content-length", "x-amzn-trace-id", "traceparent", "cookie", "user-agent", "content-type", "x-forwarded-for", "authorization", "x-a")
)
VALUES = TEXTS | st.sampled_from(
    ('"x-amzn-trace-id":"', '{"content-length":"1"}', "application/json", "text/plain; charset=x", "a=1; b=2", "0", '\\"', "7")
)
BODIES = st.sampled_from((b"", b"{}", b"caf\xe9", b'"x"', "ü".encode(), b"0123456789")) | st.binary(max_size=8)


@st.composite
def asked(draw: Any) -> Asked:
    path = draw(st.sampled_from(("/", "/a", "/prod/a", "/b%20c")))
    query = draw(st.sampled_from(("", "?", "?a=1&a=2&b", "?%22=%zz")))
    request = Request(draw(st.sampled_from(("GET", "POST"))), f"{path}{query}", (), draw(BODIES))
    parameters = draw(st.sampled_from(({}, {"id": '"1"'})))
    return Asked(request, draw(st.sampled_from((path, "/x"))), draw(st.sampled_from(("$default", "GET /a"))), parameters, "")


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=5), st.lists(st.tuples(asked(), st.sampled_from(GATEWAYS), TEXTS), min_size=1, max_size=6)
)
def test_the_text_is_that_of_the_event_whatever_was_asked_before(
    headers: list[tuple[str, str]], requests: list[tuple[Asked, Gateway, str]]
) -> None:
    """All these requests come on one connection, with the same headers."""
    learned: dict[Any, Any] = {}
    for number, (one, gateway, version) in enumerate(requests):
        request = one.request._replace(headers=headers, peer="1.2.3.4", host="h:1", port=1, version=version, learned=learned)
        arrival = Arrival(f"id-{number}", f"Root=1-{number}", 1e9 + number * 0.4999)
        one_asked = one._replace(request=request)
        for of in (gateway, GATEWAYS[2]):  # a reload may put another gateway in a place
            assert of.text(one_asked, arrival, FREE) == orjson.dumps(of.event(one_asked, arrival, FREE))


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_who_was_authorised_is_in_the_text(gateway: Gateway) -> None:
    one = Asked(Request("GET", "/", (("authorization", "secret"),), learned={}), "/", "$default", {})
    for passage in (FREE, Passage({"iam": {"userId": "me"}}), FREE):
        arrival = Arrival("id", "Root=1-2", 1.0)
        assert gateway.text(one, arrival, passage) == orjson.dumps(gateway.event(one, arrival, passage))


def test_headers_are_spelled_once_for_all_requests_that_send_them(monkeypatch: pytest.MonkeyPatch) -> None:
    learned: dict[Any, Any] = {}
    gateway = GATEWAYS[0]

    def ask(target: str, body: bytes = b"12") -> Any:
        one = Asked(Request("POST", target, (("a", "b"),), body, learned=learned), target, "$default", {})
        return orjson.loads(gateway.text(one, Arrival("id", "t", 1.0), FREE))

    ask("/a")
    known = learned[Sent]
    assert (ask("/b")["rawPath"], learned[Sent]) == ("/b", known)
    assert learned[Sent] is known
    assert ask("/b", b"123")["headers"]["content-length"] == "3"  # a chunked body has no length among the headers
    assert learned[Sent] is not known


def test_nothing_of_a_client_is_kept_for_longer_than_its_connection() -> None:
    """What is kept for all is the config's: neither what many clients say nor how long it is makes it more."""
    gateway = HttpApi(Api("0" * 12, "api"))
    for number in range(5):
        said = Request(
            "GET", f"/{number}", (("user-agent", f"agent {number}" * 1000),), peer=f"1.2.3.{number}", host=f"host{number}", learned={}
        )
        one = Asked(said, f"/{number}", "GET /{id}", {"id": str(number)}, "")
        arrival = Arrival("id", "t", 1.0)
        assert gateway.text(one, arrival, FREE) == orjson.dumps(gateway.event(one, arrival, FREE))
    assert list(gateway.standing) == ["GET /{id}"]
    assert "agent" not in str(gateway.standing)
    assert "host" not in str(gateway.standing)


def test_a_time_and_its_milliseconds_are_the_same_moment() -> None:
    """1.9999999 s is 1,999 ms, and so is the second that is written beside it."""
    context = _context_of(GATEWAYS[0].event, 1.9999999)
    assert (context["time"], context["timeEpoch"]) == ("01/Jan/1970:00:00:01 +0000", 1999)


def _context_of(event: Callable[[Asked, Arrival, Passage], dict[str, Any]], at: float) -> Any:
    return event(Asked(Request("GET", "/", ()), "/", "$default", {}), Arrival("id", "t", at), FREE)["requestContext"]
