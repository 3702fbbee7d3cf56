"""Who may call a route, as it is spelled; every mistake is one sentence."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from router.config.document import parsed
from router.config.types import Names, Throttle, UsagePlan
from router.events import jwt
from router.events.authorizer import Identity
from router.sources import http_access
from router.sources.http_access import Access, ApiKeys, JwtAuthorizer, LambdaAuthorizer, wrong_with_url
from router.sources.http_triggers import HttpTrigger

KEY = "0123456789abcdefghij"
NAMES = Names(
    {},
    {},
    frozenset({"auth", "shop"}),
    usage_plans={
        "basic": UsagePlan("basic", {"mobile": KEY}),
        "gold": UsagePlan("gold", {"web": KEY[::-1]}),
        "twin": UsagePlan("twin", {"copy": KEY}),
    },
)
JWT = "issuer: 'https://login.example.com', audience: api"
AUTHORIZATION = Identity("header", "authorization")


def read(yaml: str, directory: Path = Path()) -> tuple[Access, tuple[str, ...]]:
    """What `http: {route: GET /x, …}` says about access, and the mistakes noted."""
    document, root = parsed(f"http: {{route: GET /x, {yaml}}}\n", directory / "config.yaml", {})
    node = root.child("http")
    assert node is not None
    return HttpTrigger.read(node, NAMES).access, document.problems.lines()


@pytest.mark.parametrize(
    ("yaml", "access"),
    [
        ("timeout: 5", Access()),
        ("throttle: {rate: 100, burst: 200}", Access(Throttle(100, 200))),
        ("api: rest, throttle: {rate: 0.5, burst: 1}", Access(Throttle(0.5, 1))),
        ("api: rest, api_keys: basic", Access(api_keys=ApiKeys(("basic",)))),
        ("api: rest, api_keys: [basic, gold]", Access(api_keys=ApiKeys(("basic", "gold")))),
        (
            "api: rest, api_keys: {plans: [basic], source: authorizer}, authorizer: auth",
            Access(api_keys=ApiKeys(("basic",), "authorizer"), authorizer=LambdaAuthorizer("auth", "token", (AUTHORIZATION,), 300)),
        ),
        ("authorizer: auth", Access(authorizer=LambdaAuthorizer("auth", "request", (), 0, "2.0"))),
        (
            "authorizer: {function: auth, simple_responses: true, identity_source: [$request.header.X, $request.querystring.t], ttl: 5m}",
            Access(
                authorizer=LambdaAuthorizer("auth", "request", (Identity("header", "x"), Identity("query", "t")), 300, "2.0", simple=True)
            ),
        ),
        (
            "authorizer: {function: auth, payload_format_version: 1.0, identity_source: $request.header.X}",
            Access(authorizer=LambdaAuthorizer("auth", "request", (Identity("header", "x"),), 0, "1.0")),
        ),
        (
            "api: rest, authorizer: {function: auth, type: request, identity_source: method.request.header.X}",
            Access(authorizer=LambdaAuthorizer("auth", "request", (Identity("header", "x"),), 300)),
        ),
        ("api: rest, authorizer: {function: auth, type: request}", Access(authorizer=LambdaAuthorizer("auth", "request", (), 0))),
        (
            "api: rest, authorizer: {function: auth, type: token, identity_source: method.request.header.X, ttl: 0, validation: 'Bearer .+'}",
            Access(authorizer=LambdaAuthorizer("auth", "token", (Identity("header", "x"),), 0, validation="Bearer .+")),
        ),
        (f"authorizer: {{jwt: {{{JWT}}}}}", Access(authorizer=JwtAuthorizer("https://login.example.com", frozenset({"api"})))),
        (
            f"authorizer: {{jwt: {{{JWT}, scopes: [read, write], algorithms: ES256, identity_source: $request.querystring.t, jwks_uri: 'http://127.0.0.1:9/keys?p=1'}}}}",
            Access(
                authorizer=JwtAuthorizer(
                    "https://login.example.com",
                    frozenset({"api"}),
                    ("read", "write"),
                    Identity("query", "t"),
                    ("ES256",),
                    "http://127.0.0.1:9/keys?p=1",
                )
            ),
        ),
    ],
)
def test_what_is_read(yaml: str, access: Access) -> None:
    assert read(yaml) == (access, ())


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("throttle: {rate: 1}", "throttle.burst: is required"),
        ("throttle: {burst: 1}", "throttle.rate: is required"),
        ("throttle: {rate: 0, burst: 1}", "throttle.rate: 0 is outside 0.001 to 1000000"),
        ("throttle: {rate: 1, burst: 0}", "throttle.burst: 0 is outside"),
        ("throttle: {rate: fast, burst: 1}", "throttle.rate: fast is not a number"),
        ("throttle: {rate: 1, burst: 1.5}", "throttle.burst: 1.5 is not a whole number"),
        ("throttle: {rate: 1, burst: 1, quota: 5}", "quota: unknown key"),
        ("api: alb, throttle: {rate: 1, burst: 1}", "a load balancer does not throttle"),
        ("api: alb, authorizer: auth", "a load balancer has no authorizers"),
        ("api: alb, api_keys: basic", "a load balancer has no API keys"),
        ("api_keys: basic", "an HTTP API has no API keys"),
        ("api: rest, api_keys: basik", "no usage plan 'basik', did you mean basic?"),
        ("api: rest, api_keys: []", "names no usage plan"),
        ("api: rest, api_keys: {source: header}", "names no usage plan"),
        ("api: rest, api_keys: [basic, twin]", "basic.mobile and twin.copy are the same key"),
        ("api: rest, api_keys: {plans: basic, source: cookie}", "one of header, authorizer"),
        ("api: rest, api_keys: {plans: basic, source: authorizer}", "this route has none"),
        ("authorizer: outh", "no function 'outh', did you mean auth?"),
        ("authorizer: {type: request}", "authorizer.function: is required"),
        ("authorizer: {function: auth, funktion: x}", "did you mean function?"),
        ("authorizer: {function: auth, type: token}", "an HTTP API has request authorizers only"),
        ("authorizer: {function: auth, type: basic}", "one of token, request"),
        ("authorizer: {function: auth, payload_format_version: 3.0}", "one of 2.0, 1.0"),
        ("authorizer: {function: auth, payload_format_version: 1.0, simple_responses: true}", "need payload_format_version: 2.0"),
        ("authorizer: {function: auth, identity_source: Authorization}", "write $request.header.NAME"),
        ("authorizer: {function: auth, identity_source: method.request.header.X}", "write $request.header.NAME"),
        ("authorizer: {function: auth, ttl: 60}", "name some in identity_source, or write ttl: 0"),
        ("authorizer: {function: auth, ttl: 2h, identity_source: $request.header.X}", "2 h is outside 0 to 1 h"),
        ("authorizer: {function: auth, validation: x}", "this one is of type request"),
        ("api: rest, authorizer: {function: auth, payload_format_version: 2.0}", "have one payload format"),
        ("api: rest, authorizer: {function: auth, simple_responses: true}", "answer with a policy"),
        ("api: rest, authorizer: {function: auth, validation: '('}", "no regular expression"),
        ("api: rest, authorizer: {function: auth, validation: 'Bearer (?!x).+'}", "has to go back in the text"),
        ("api: rest, authorizer: {function: auth, identity_source: method.request.querystring.t}", "the token comes in one header"),
        (
            "api: rest, authorizer: {function: auth, identity_source: [method.request.header.A, method.request.header.B]}",
            "the token comes in one header",
        ),
        (f"api: rest, authorizer: {{jwt: {{{JWT}}}}}", "not supported for api: rest yet"),
        (f"authorizer: {{function: auth, jwt: {{{JWT}}}}}", "authorizer.function: unknown key"),
        ("authorizer: {jwt: {issuer: 'https://x'}}", "jwt.audience: is required"),
        ("authorizer: {jwt: {issuer: 'https://x', audience: [a, '']}}", "jwt.audience: is required"),
        ("authorizer: {jwt: {audience: x}}", "jwt.issuer: is required"),
        ("authorizer: {jwt: {issuer: login, audience: x}}", "no URL such as"),
        ("authorizer: {jwt: {issuer: 'http://login.example.com', audience: x}}", "http is taken on this machine only"),
        (f"authorizer: {{jwt: {{{JWT}, jwks_uri: 'file:///keys.json'}}}}", "named by jwks_file: PATH"),
        (f"authorizer: {{jwt: {{{JWT}, algorithms: [HS256]}}}}", "'HS256' is not taken"),
        (f"authorizer: {{jwt: {{{JWT}, algorithms: [none]}}}}", "'none' is not taken"),
        (f"authorizer: {{jwt: {{{JWT}, algorithms: []}}}}", "none is left"),
        (f"authorizer: {{jwt: {{{JWT}, scopes: ['a b']}}}}", "'a b' is no scope"),
        (f"authorizer: {{jwt: {{{JWT}, identity_source: $context.path}}}}", "a header or a query parameter"),
        (f"authorizer: {{jwt: {{{JWT}, identity_source: token}}}}", "write $request.header.NAME"),
        (f"authorizer: {{jwt: {{{JWT}, jwks_file: /nowhere/keys.json}}}}", "No such file or directory"),
        (f"authorizer: {{jwt: {{{JWT}, ttl: 5}}}}", "ttl: unknown key"),
    ],
)
def test_a_mistake_is_told_once(yaml: str, told: str) -> None:
    _, mistakes = read(yaml)
    assert len(mistakes) == 1
    assert told in mistakes[0]
    assert mistakes[0].startswith("config.yaml:1:")
    assert KEY not in mistakes[0]


def test_keys_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": []}))
    access, mistakes = read(f"authorizer: {{jwt: {{{JWT}, jwks_file: keys.json}}}}", tmp_path)
    assert not mistakes
    assert isinstance(access.authorizer, JwtAuthorizer)
    assert access.authorizer.jwks_file == tmp_path / "keys.json"
    assert access.authorizer.algorithms == jwt.ALGORITHMS


@pytest.mark.parametrize(("content", "told"), [("x", "no JSON"), ("[]", "no key set"), ("{}", "no key set"), ('{"keys":1}', "no key set")])
def test_a_file_without_keys(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    _, mistakes = read(f"authorizer: {{jwt: {{{JWT}, jwks_file: keys.json}}}}", tmp_path)
    assert told in mistakes[0]
    _, mistakes = read(f"authorizer: {{jwt: {{{JWT}, jwks_file: .}}}}", tmp_path)
    assert "not a regular file" in mistakes[0]
    _, mistakes = read(f"authorizer: {{jwt: {{{JWT}, jwks_file: keys.json, jwks_uri: 'https://x/keys'}}}}", tmp_path)
    assert any("not from both" in mistake for mistake in mistakes)


def test_tokens_need_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_access, "find_spec", lambda name: None if name == "joserfc" else find_spec(name))
    _, mistakes = read(f"authorizer: {{jwt: {{{JWT}}}}}")
    assert len(mistakes) == 1
    assert "pip install 'event-router[jwt]'" in mistakes[0]


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://login.example.com", True),
        ("https://login.example.com:8443/tenant/v2.0/", True),
        ("http://localhost:8080/realm", True),
        ("http://127.0.0.1:1/", True),
        ("http://[::1]:8080", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example.com", False),
        ("ftp://login.example.com", False),
        ("https://", False),
        ("https://me:secret@login.example.com", False),
        ("https://login.example.com/#x", False),
        ("https://[", False),
        ("https://login.example.com:99999", False),
        ("", False),
    ],
)
def test_urls_whose_answer_is_trusted(url: str, good: bool) -> None:
    assert (wrong_with_url(url) == "") is good
