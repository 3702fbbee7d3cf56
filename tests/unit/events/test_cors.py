"""CORS: who may read what, and that nobody else may."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events import cors
from router.events.cors import Cors
from router.events.http import Request, Response
from tests.helpers.faces import header

SHOP = Cors(
    ("https://shop.example.com", "http://localhost:3000"),
    ("GET", "POST"),
    ("x-a", "authorization"),
    ("x-count",),
    300,
    allow_credentials=True,
)
ANYONE = Cors(("*",), ("*",), ("*",))


def request(origin: str = "", method: str = "GET", *more: tuple[str, str]) -> Request:
    return Request(method, "/", [*([("origin", origin)] if origin else []), *more])


def asking(origin: str, method: str = "POST") -> Request:
    return request(origin, "OPTIONS", ("access-control-request-method", method))


def told(response: Response) -> dict[str, str]:
    return {name: value for name, value in response.headers if name.startswith("access-control-") or name == "vary"}


@pytest.mark.parametrize(
    ("method", "headers", "preflight"),
    [
        ("OPTIONS", ("origin", "access-control-request-method"), True),
        ("GET", ("origin", "access-control-request-method"), False),
        ("OPTIONS", ("origin",), False),
        ("OPTIONS", ("access-control-request-method",), False),
    ],
)
def test_a_preflight_has_both_headers(method: str, headers: Sequence[str], preflight: bool) -> None:
    assert cors.is_preflight(Request(method, "/", [(name, "x") for name in headers])) is preflight


def test_a_preflight_is_answered_with_what_is_allowed() -> None:
    response = cors.preflight(SHOP, asking("https://shop.example.com"), (("apigw-requestid", "id="),))
    assert (response.status, response.body) == (204, b"")
    assert header(response, "apigw-requestid") == ["id="]
    assert told(response) == {
        "vary": "origin",
        "access-control-allow-origin": "https://shop.example.com",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "x-a,authorization",
        "access-control-max-age": "300",
    }


def test_what_is_not_configured_is_not_said() -> None:
    assert told(cors.preflight(Cors(("*",)), asking("https://a"))) == {"access-control-allow-origin": "*"}
    assert told(cors.preflight(Cors(("*",), max_age=0), asking("https://a")))["access-control-max-age"] == "0"


def test_everyone_is_a_star_and_no_origin() -> None:
    assert told(cors.preflight(ANYONE, asking("https://evil.example"))) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "*",
        "access-control-allow-headers": "*",
    }


def test_a_stranger_is_told_nothing_and_caches_are() -> None:
    assert told(cors.preflight(SHOP, asking("https://evil.example"))) == {"vary": "origin"}
    assert told(cors.decorated(SHOP, request("https://evil.example"), Response(200))) == {"vary": "origin"}
    assert told(cors.decorated(SHOP, request(), Response(200))) == {"vary": "origin"}
    assert told(cors.decorated(ANYONE, request(), Response(200))) == {}


def test_the_functions_own_cors_headers_are_replaced() -> None:
    own = [("Access-Control-Allow-Origin", "*"), ("ACCESS-CONTROL-ALLOW-CREDENTIALS", "true"), ("Vary", "accept"), ("x-count", "3")]
    response = cors.decorated(SHOP, request("http://localhost:3000"), Response(201, own, b"x"))
    assert (response.status, response.body) == (201, b"x")
    assert [name for name, _ in response.headers] == [
        "Vary",
        "x-count",
        "vary",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-expose-headers",
    ]
    assert header(response, "access-control-allow-origin") == ["http://localhost:3000"]
    assert header(cors.decorated(SHOP, request("https://evil.example"), Response(201, own)), "access-control-allow-origin") == []


@pytest.mark.parametrize(
    ("methods", "named"),
    [
        (["PUT", "GET"], "GET,OPTIONS,PUT"),
        (["ANY"], "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT"),
        (["GET", "ANY"], "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT"),
    ],
)
def test_a_rest_api_names_the_methods_of_the_path_where_none_are_configured(methods: list[str], named: str) -> None:
    assert cors.fixed(Cors(("*",)), methods) == [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Methods", named)]


def test_a_rest_api_says_all_that_is_configured() -> None:
    given = Cors(("https://a.b",), ("GET", "PUT"), ("X-A", "X-B"), max_age=600, allow_credentials=True)
    assert cors.fixed(given, ["GET"]) == [
        ("Access-Control-Allow-Origin", "https://a.b"),
        ("Access-Control-Allow-Methods", "GET,PUT"),
        ("Access-Control-Allow-Headers", "X-A,X-B"),
        ("Access-Control-Max-Age", "600"),
        ("Access-Control-Allow-Credentials", "true"),
    ]


@pytest.mark.parametrize(
    ("allowed", "origin", "allows"),
    [
        ("https://a.b", "https://a.b", True),
        ("https://A.b", "https://a.B", True),
        ("https://a.b", "https://a.b:8443", False),
        ("https://a.b", "https://a.b.evil.example", False),
        ("https://a.b", "http://a.b", False),
        ("https://a.b", "null", False),
        ("https://*", "https://any.thing:1", True),
        ("https://*", "http://any.thing", False),
        ("https://*", "xhttps://a", False),
        ("*", "null", True),
    ],
)
def test_origins(allowed: str, origin: str, allows: bool) -> None:
    assert Cors((allowed,)).allows(origin) is allows


ORIGINS = st.sampled_from(["https://a.b", "https://a.b.c", "http://a.b", "null", "https://", "HTTPS://A.B", "https://a.b:1", "*", "a"])


@given(allowed=st.lists(ORIGINS, max_size=3), origin=ORIGINS | st.text(max_size=8), credentials=st.booleans())
def test_no_origin_is_named_that_is_not_allowed(allowed: list[str], origin: str, credentials: bool) -> None:
    """Neither in a preflight nor in an answer, whatever the function says; and credentials are for named origins only."""
    config = Cors(tuple(allowed), allow_credentials=credentials and "*" not in allowed)
    own = Response(200, [("access-control-allow-origin", origin), ("access-control-allow-credentials", "true")])
    for response in (cors.preflight(config, asking(origin)), cors.decorated(config, request(origin), own)):
        for named in header(response, "access-control-allow-origin"):
            assert named == "*" in allowed or named.lower() in [one.lower() for one in allowed]
            assert named in ("*", origin)
        if "*" in header(response, "access-control-allow-origin"):
            assert not header(response, "access-control-allow-credentials")
        if "*" not in allowed:
            assert header(response, "vary") == ["origin"]
