"""What all gateways have in common: paths, queries, the way a request came; and what each of them hands on of any request."""

import base64
import json
from typing import Any
from urllib.parse import quote, unquote

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.events import gateway
from router.events.gateway import Asked, Gateway, Malformed
from router.events.http import Request
from router.web.answers import framed
from tests.helpers import faces
from tests.helpers.faces import ARRIVAL, GATEWAYS, PATHS, QUERIES, RESULTS, SENT, TYPES, Sent, asked, body_of, event, sent

OWN = frozenset(("content-length", "cookie", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"))
every_gateway = pytest.mark.parametrize("face", GATEWAYS)


# -- any request


def read_path(made: dict[str, Any]) -> str:
    return str(made["rawPath"] if "rawPath" in made else made["path"])


def read_headers(made: dict[str, Any]) -> dict[str, list[str]]:
    """All values by lower-case name, as far as the face keeps them."""
    many = made.get("multiValueHeaders") or {name: [value] for name, value in made["headers"].items()}
    return {name.lower(): values for name, values in many.items()}


@every_gateway
@given(client=SENT)
@example(client=Sent("GET", "/", "%00&=&a=%ff&=b", [("cookie", ";"), ("a", ""), ("A", "x")], "text/plain", b"\xff\0"))
def test_any_request_is_an_event_with_its_facts(face: str, client: Sent) -> None:
    """JSON text that any parser reads, in which path, query, headers and body are found again."""
    made = event(GATEWAYS[face], asked(client.request))
    if face.startswith("http"):
        assert read_path(made) == ("/prod" if face == "http stage" else "") + unquote(client.path)
    elif face.startswith("rest"):
        assert read_path(made) == "/" + client.path.lstrip("/")
    else:
        assert read_path(made) == client.path
    if made.get("version") == "2.0":
        assert made["rawQueryString"] == client.query
    if face != "rest":
        assert body_of(made) == client.body
    check_headers(face, client.headers, read_headers(made))


def check_headers(face: str, headers: list[tuple[str, str]], seen: dict[str, list[str]]) -> None:
    """All values where the face keeps them, joined or the last one where it does not."""
    for name in {name.lower() for name, _ in headers} - OWN - gateway.NEVER_PASSED - {"content-type"}:
        values = [value for other, value in headers if other.lower() == name]
        if face in ("http", "http stage", "url"):
            assert seen[name] == [",".join(values)]
        elif face == "alb":
            assert seen[name] == values[-1:]
        else:
            assert seen[name] == values


@every_gateway
@given(body=st.binary(max_size=200), media=TYPES)
def test_a_binary_body_makes_the_round_trip(face: str, body: bytes, media: str) -> None:
    """Byte for byte into the event by each face's own rule, and out of the answer by the same rule."""
    request = sent("POST", "/", [("Content-Type", media), ("Accept", "image/png")], body)
    if face != "rest":
        assert body_of(event(GATEWAYS[face], asked(request))) == body
    result = {"statusCode": 200, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    expected = base64.b64encode(body) if face == "rest" else body
    assert faces.answer(GATEWAYS[face], result, request).body == expected


@every_gateway
@given(result=RESULTS)
@example(result={"statusCode": 200, "body": json.loads("[" * 300 + "]" * 300)})
@example(result=json.loads("[" * 300 + "]" * 300))
@example(result={"statusCode": 200, "headers": {"a": 2**64}, "body": {"n": 2**200}})
def test_whatever_a_function_returns_is_an_answer_or_malformed(face: str, result: Any) -> None:
    """Nothing but Malformed comes out of it, and an answer is one that a listener can send."""
    try:
        response = faces.answer(GATEWAYS[face], result)
    except Malformed:
        return
    assert isinstance(response.body, bytes)
    assert 200 <= response.status <= 599
    assert not any(set("\r\n\0") & set(name + value) for name, value in response.headers)
    assert framed(response, at=0.0, close=False, old=False).head.count(b"\r\n\r\n") == 1
    for name, value in GATEWAYS[face].ids(ARRIVAL):
        assert faces.header(response, name) == [value]


@every_gateway
@pytest.mark.parametrize("result", [b"", b"{", b"NaN", b'{"statusCode": NaN}', b'"\\ud800"', b"[" * 5000 + b"]" * 5000, b"\xff"])
def test_a_result_that_is_no_json_is_malformed(face: str, result: bytes) -> None:
    with pytest.raises(Malformed, match="not JSON"):
        GATEWAYS[face].answer(result, asked(sent()), ARRIVAL)


@every_gateway
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 413, 414, 417, 429, 431, 500, 502, 503, 504, 505])
def test_a_gateways_own_answer_has_its_ids_and_says_when_to_come_back(face: str, status: int) -> None:
    made = GATEWAYS[face]
    response = made.failure(status, ARRIVAL, retry_after=7)
    assert response.status == status
    assert response.body
    assert faces.header(response, "content-type")
    assert faces.header(response, "retry-after") == ["7"]
    assert not faces.header(made.failure(status, ARRIVAL), "retry-after")
    for name, value in made.ids(ARRIVAL):
        assert faces.header(response, name) == [value]


@every_gateway
@pytest.mark.parametrize("kind", ["", "UnauthorizedException"])
def test_who_is_turned_away_is_told_in_the_guards_words(face: str, kind: str) -> None:
    made: Gateway = GATEWAYS[face]
    response = made.denial(gateway.Denied(401, {"message": "Unauthorized"}, kind, retry_after=3), ARRIVAL)
    assert (response.status, faces.header(response, "retry-after")) == (401, ["3"])
    assert b"Unauthorized" in response.body  # type: ignore[operator]
    assert faces.header(response, "x-amzn-errortype") == ([kind] if kind and face in ("rest", "rest binary", "url") else [])
    for name, value in made.ids(ARRIVAL):
        assert faces.header(response, name) == [value]


# -- paths


@given(path=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).map(lambda text: "/" + text))
def test_a_quoted_path_is_decoded_to_itself(path: str) -> None:
    assert gateway.decoded_path(quote(path)) == path


@given(path=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E)))
def test_any_path_is_text_or_refused(path: str) -> None:
    try:
        text = gateway.decoded_path(path)
    except gateway.BadPath:
        return
    assert "\0" not in text
    text.encode()


@pytest.mark.parametrize(
    ("target", "mounted", "raw"),
    [
        ("/a/b", "", "/a/b"),
        ("/", "", "/"),
        ("*", "", "*"),
        ("/v1/a%2Fb/", "/v1", "/a%2Fb/"),
        ("/v1", "/v1", "/"),
        ("/v1/", "/v1", "/"),
        ("/v1//a", "/v1", "//a"),
        ("/%761/a?x=/y", "/v1", "/a"),
        ("/v1/v2/a", "/v1/v2", "/a"),
        ("/v1/v2", "/v1/v2", "/"),
        ("/_url/f", "/_url/f", "/"),
        ("/_url/f/_url/f/a", "/_url/f", "/_url/f/a"),
        ("/prod/prod", "/prod", "/prod"),
    ],
)
def test_the_raw_path_is_what_follows_the_mount(target: str, mounted: str, raw: str) -> None:
    assert Asked(Request("GET", target, ()), "", "", {}, mounted).raw_path == raw


@given(path=PATHS, mounted=st.sampled_from(["", "/v1", "/v1/v2", "/_url/f", "/a.b/$c/d"]))
def test_the_raw_path_is_found_below_any_mount(path: str, mounted: str) -> None:
    assert Asked(Request("GET", f"{mounted}{path}?a=/b", ()), "", "", {}, mounted).raw_path == path


# -- queries


@given(query=QUERIES)
def test_a_query_is_read_in_order_and_nothing_of_it_is_lost(query: str) -> None:
    raw = gateway.query_pairs(query, decode=False)
    assert "&".join(pair for pair in query.split("&") if pair) == "&".join(
        f"{name}={value}" if "=" in pair else name
        for (name, value), pair in zip(raw, [pair for pair in query.split("&") if pair], strict=True)
    )
    decoded = gateway.query_pairs(query)
    assert len(decoded) == len(raw)
    orjson.dumps(gateway.joined(decoded))
    listed = gateway.listed(decoded)
    assert sorted((name, value) for name, values in listed.items() for value in values) == sorted(decoded)


@given(pairs=st.lists(st.tuples(faces.TEXT.filter(bool), faces.TEXT)))
def test_quoted_names_and_values_come_back(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    assert gateway.query_pairs(query) == pairs


# -- the way a request came


@pytest.mark.parametrize(
    ("peer", "headers", "secure"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("", [], True),
        ("10.0.0.7", [], False),
        ("10.0.0.7", [("x-forwarded-proto", "https")], False),
        ("127.0.0.1", [("x-forwarded-proto", "https"), ("x-forwarded-for", "9.9.9.9")], True),
        ("127.0.0.1", [("x-forwarded-proto", "http")], False),
        ("127.0.0.1", [("x-forwarded-for", "9.9.9.9")], False),
        ("127.0.0.1", [("x-other", "1")], True),
    ],
)
def test_what_stays_on_this_machine_is_secure(peer: str, headers: list[tuple[str, str]], secure: bool) -> None:
    assert gateway.secure(Request("GET", "/", headers, peer=peer)) is secure


def test_what_came_over_tls_is_secure() -> None:
    assert gateway.secure(Request("GET", "/", (), peer="10.0.0.7", scheme="https"))


@pytest.mark.parametrize(
    ("peer", "headers", "told"),
    [
        ("1.2.3.4", [], ("1.2.3.4", "8080", "http")),
        ("1.2.3.4", [("x-forwarded-for", "9.9.9.9")], ("9.9.9.9, 1.2.3.4", "8080", "http")),
        ("1.2.3.4", [("x-forwarded-for", "8.8.8.8"), ("x-forwarded-for", "9.9.9.9")], ("8.8.8.8, 9.9.9.9, 1.2.3.4", "8080", "http")),
        ("1.2.3.4", [("x-forwarded-proto", "https"), ("x-forwarded-port", "443")], ("1.2.3.4", "8080", "http")),
        ("127.0.0.1", [("x-forwarded-proto", "https"), ("x-forwarded-port", "8443")], ("127.0.0.1", "8443", "https")),
        ("::1", [("x-forwarded-proto", "https")], ("::1", "443", "https")),
        ("127.0.0.1", [("x-forwarded-proto", "http")], ("127.0.0.1", "80", "http")),
        ("127.0.0.1", [("x-forwarded-port", "443")], ("127.0.0.1", "8080", "http")),
        ("", [("x-forwarded-for", "9.9.9.9"), ("x-forwarded-proto", "https")], ("9.9.9.9", "443", "https")),
    ],
)
def test_the_way_is_believed_from_a_proxy_beside_us_only(peer: str, headers: list[tuple[str, str]], told: tuple[str, str, str]) -> None:
    request = Request("GET", "/", headers, peer=peer, port=8080)
    assert gateway.forwarded(request) == told
    for face, made in GATEWAYS.items():
        seen = read_headers(event(made, asked(request._replace(host="a"))))
        way = tuple(seen[f"x-forwarded-{part}"][0] for part in ("for", "port", "proto"))
        assert (way[0].replace(",", ", ").replace("  ", " "), *way[1:]) == told, face


def test_a_unix_socket_has_no_port_and_the_scheme_has() -> None:
    assert gateway.forwarded(Request("GET", "/", ())) == ("", "80", "http")


@pytest.mark.parametrize(
    ("host", "domain"),
    [("a.b", "a.b"), ("a.b:1", "a.b"), ("[::1]", "[::1]"), ("[::1]:80", "[::1]"), ("127.0.0.1:1", "127.0.0.1"), ("", "")],
)
def test_a_domain_has_no_port(host: str, domain: str) -> None:
    assert gateway.domain_of(host) == domain


@pytest.mark.parametrize("at", [0, 1583998638, 2**31])
def test_time_is_in_the_common_log_format_in_utc(at: int) -> None:
    told = {0: "01/Jan/1970:00:00:00 +0000", 1583998638: "12/Mar/2020:07:37:18 +0000", 2**31: "19/Jan/2038:03:14:08 +0000"}
    assert gateway.clf(at) == told[at]


@pytest.mark.parametrize(
    ("media", "text"),
    [
        ("text/plain", True),
        ("Text/HTML; charset=x", True),
        ("application/json", True),
        (" application/json ;a=b", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("application/vnd.api+json", False),
        ("application/jsonx", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data", False),
        ("texty/plain", False),
        ("", False),
    ],
)
def test_text_types(media: str, text: bool) -> None:
    assert gateway.is_text(media) is text
