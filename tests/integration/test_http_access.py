"""Throttles, API keys, Lambda and JWT authorizers before the routes of a whole daemon."""

import concurrent.futures
import http.client
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from joserfc.jwk import ECKey, RSAKey

from tests.helpers.house import House, free_port
from tests.helpers.issuer import Issuer, key_set, signed
from tests.helpers.record import read_record

HANDLERS = '''
import json, os, time

def called(event):
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(json.dumps(event) + "\\n")

def policy(event, context):
    """Decides by the token: allow, deny, other (a policy for another method), unauthorized, boom, malformed, list, slow-…"""
    called(event)
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    token = event.get("authorizationToken") or headers.get("x-who", "")
    word = token.split("-")[0].removeprefix("Bearer ")
    if word == "unauthorized":
        raise Exception("Unauthorized")
    if word == "boom":
        raise RuntimeError("no database")
    if word == "malformed":
        return {"policyDocument": []}
    if word == "list":
        return answer(event, "Allow", context={"roles": ["a"]})
    if word == "slow":
        time.sleep(0.5)
    if word == "other":
        return answer(event, "Allow", "arn:aws:execute-api:*:*:*/*/GET/elsewhere")
    return answer(event, "Deny" if word == "deny" else "Allow", usageIdentifierKey=headers.get("x-use", "") or token)

def answer(event, effect, resource="arn:aws:execute-api:*:*:*", **more):
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"tier": 2, "beta": True, "name": "gold"}, **more}

def simple(event, context):
    called(event)
    who = event["headers"].get("x-who", "")
    if who == "boom":
        raise RuntimeError("no database")
    if who == "malformed":
        return {"isAuthorized": "yes"}
    if who == "unauthorized":
        raise Exception("Unauthorized")
    return {"isAuthorized": who.startswith("me"), "context": {"roles": ["a", 1], "nothing": None}}

def echo(event, context):
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
'''
WEB_KEY, SLOW_KEY, FEW_KEY = "web-0123456789-0123456789", "slow-0123456789-0123456789", "few-0123456789-0123456789"
CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: off, console: "127.0.0.1:{console}"}}
usage_plans:
  gold: {{keys: {{web: {web}}}}}
  slow: {{throttle: {{rate: 0.001, burst: 1}}, keys: {{slow: {slow}}}}}
  few: {{quota: {{limit: 2, period: month}}, keys: {{few: {few}}}}}
functions:
  policy: {{code: ./code, handler: app.policy, environment: {{CALLS: "{calls}"}}}}
  simple: {{code: ./code, handler: app.simple, environment: {{CALLS: "{calls}"}}}}
  echo:
    code: ./code
    handler: app.echo
    triggers:
      - http: GET /open
      - http: {{route: GET /throttled, throttle: {{rate: 0.001, burst: 2}}}}
      - http: {{route: GET /simple, authorizer: {{function: simple, simple_responses: true, identity_source: $request.header.X-Who}}}}
      - http: {{route: POST /simple, authorizer: {{function: simple, simple_responses: true}}}}
      - http:
          route: GET /kept/{{id}}
          authorizer: {{function: simple, simple_responses: true, identity_source: [$request.header.X-Who], ttl: 1h}}
      - http: {{route: GET /policy, authorizer: {{function: policy, payload_format_version: 1.0, identity_source: $request.header.X-Who}}}}
      - http:
          route: GET /old
          payload_format_version: 1.0
          authorizer: {{function: simple, simple_responses: true, identity_source: $request.header.X-Who}}
      - http: {{route: GET /rest/token, api: rest, authorizer: {{function: policy, type: token, validation: "Bearer .+"}}}}
      - http: {{route: GET /rest/other, api: rest, authorizer: {{function: policy, type: token, validation: "Bearer .+"}}}}
      - http:
          route: GET /rest/request
          api: rest
          authorizer: {{function: policy, type: request, identity_source: [method.request.header.X-Who, method.request.querystring.q], ttl: 0}}
      - http: {{route: GET /rest/paged, api: rest, cors: {{allow_origins: "*"}}, authorizer: {{function: policy, type: token}}}}
      - http: {{route: GET /rest/keys, api: rest, api_keys: [gold, slow, few]}}
      - http: {{route: GET /rest/gold, api: rest, api_keys: gold, authorizer: policy, throttle: {{rate: 1000, burst: 1000}}}}
      - http:
          route: GET /rest/named
          api: rest
          api_keys: {{plans: gold, source: authorizer}}
          authorizer: {{function: policy, type: request, identity_source: method.request.header.X-Who, ttl: 0}}
      - http: {{route: GET /jwt, authorizer: {{jwt: {{issuer: "{issuer}", audience: [api, other]}}}}}}
      - http: {{route: GET /jwt/scoped, authorizer: {{jwt: {{issuer: "{issuer}", audience: api, scopes: [write, admin]}}}}}}
      - http: {{route: GET /jwt/file, authorizer: {{jwt: {{issuer: "https://login.example.com", audience: api, jwks_file: keys.json}}}}}}
      - http: {{route: GET /jwt/old, payload_format_version: 1.0, authorizer: {{jwt: {{issuer: "{issuer}", audience: api, jwks_uri: "{issuer}/keys"}}}}}}
"""
RSA, EC, LOCAL = (
    RSAKey.generate_key(2048, {"kid": "rsa"}),
    ECKey.generate_key("P-256", {"kid": "ec"}),
    ECKey.generate_key("P-384", {"kid": "local"}),
)
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa"})


class Answer(NamedTuple):
    """What a client got."""

    status: int
    headers: dict[str, str]  # names lower-case
    body: Any


class Guarded(House):
    """A daemon with guarded routes."""

    def __init__(self, directory: Path, issuer: str) -> None:
        (directory / "code").mkdir()
        (directory / "code/app.py").write_text(HANDLERS)
        (directory / "keys.json").write_text(json.dumps(key_set(LOCAL)))
        self.port, self.console, self.calls_file = free_port(), free_port(), directory / "calls"
        facts = {"port": self.port, "console": self.console, "calls": self.calls_file, "issuer": issuer}
        super().__init__(directory, CONFIG.format(**facts, web=WEB_KEY, slow=SLOW_KEY, few=FEW_KEY))

    def ask(self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            text = answer.read()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(text or b"null"))
        finally:
            connection.close()

    def stored_uses(self) -> int:
        """What the key of the plan `few` has used, as the store has it."""
        with closing(sqlite3.connect(f"file:{self.state / 'journal.db'}?mode=ro", uri=True)) as store:
            uses: int = store.execute("SELECT coalesce(sum(requests), 0) FROM usage_counts WHERE plan = 'few'").fetchone()[0]
            return uses

    def calls(self) -> list[Any]:
        """The events that authorizers got."""
        return read_record(self.calls_file)

    def listening(self) -> bool:
        try:
            return self.ask("/open").status == 200
        except OSError:
            return False

    def begin(self) -> None:
        self.start()
        assert self.ready(), self.log.read_text()
        assert self.until(self.listening, 20), self.log.read_text()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer(RSA, EC) as serving:
        yield serving


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Guarded]:
    with Guarded(tmp_path_factory.mktemp("guarded"), issuer.url) as serving:
        serving.begin()
        yield serving
        assert serving.stop() == 0


# -- throttles


def test_a_route_over_its_rate(house: Guarded) -> None:
    answers = [house.ask("/throttled") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 429, 429]
    assert answers[3].body == {"message": "Too Many Requests"}
    assert int(answers[3].headers["retry-after"]) > 100
    assert answers[3].headers["apigw-requestid"]
    assert house.ask("/open").status == 200


# -- Lambda authorizers of HTTP APIs


@pytest.mark.parametrize(
    ("path", "who", "status", "message"),
    [
        ("/simple", None, 401, "Unauthorized"),
        ("/simple", "", 401, "Unauthorized"),
        ("/simple", "you", 403, "Forbidden"),
        ("/simple", "unauthorized", 401, "Unauthorized"),
        ("/simple", "boom", 500, "Internal Server Error"),
        ("/simple", "malformed", 500, "Internal Server Error"),
        ("/policy", None, 401, "Unauthorized"),
        ("/policy", "deny", 403, "Forbidden"),
        ("/policy", "other", 403, "Forbidden"),
        ("/policy", "unauthorized", 401, "Unauthorized"),
        ("/policy", "boom", 500, "Internal Server Error"),
        ("/policy", "malformed", 500, "Internal Server Error"),
        ("/policy", "list", 500, "Internal Server Error"),
    ],
)
def test_who_an_http_api_turns_away(house: Guarded, path: str, who: str | None, status: int, message: str) -> None:
    before = len(house.calls())
    answer = house.ask(path, **({} if who is None else {"x_who": who}))
    assert (answer.status, answer.body) == (status, {"message": message})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["apigw-requestid"]
    assert len(house.calls()) - before == bool(who)


def test_what_an_http_apis_function_learns(house: Guarded) -> None:
    answer = house.ask("/simple?q=1", x_who="me", cookie="a=b")
    assert answer.body["requestContext"]["authorizer"] == {"lambda": {"roles": ["a", 1], "nothing": None}}
    asked = house.calls()[-1]
    assert (asked["version"], asked["type"], asked["identitySource"]) == ("2.0", "REQUEST", ["me"])
    assert asked["routeArn"].endswith("/$default/GET/simple")
    told = {key: value for key, value in answer.body.items() if key != "isBase64Encoded"}
    told["requestContext"].pop("authorizer")
    assert {key: asked[key] for key in told} == told
    assert house.ask("/policy", x_who="allow").body["requestContext"]["authorizer"] == {"lambda": {"tier": 2, "beta": True, "name": "gold"}}
    old = house.ask("/old", x_who="me").body
    assert old["requestContext"]["authorizer"].keys() == {"roles", "nothing", "integrationLatency"}


def test_an_authorizer_sees_no_body(house: Guarded) -> None:
    answer = house.ask("/simple", method="POST", body=b"x" * 100_000, x_who="me", content_type="text/plain")
    assert len(answer.body["body"]) == 100_000
    asked = house.calls()[-1]
    assert asked.keys() & {"body", "isBase64Encoded"} == set()
    assert asked["headers"]["content-length"] == "100000"
    assert asked["identitySource"] is None


def test_an_answer_is_kept_and_shared(house: Guarded) -> None:
    before = len(house.calls())
    for number in range(5):
        assert house.ask(f"/kept/{number}", x_who="me-kept").status == 200
    assert len(house.calls()) - before == 1
    for number in range(3):
        assert house.ask(f"/kept/{number}", x_who="you").status == 403
    assert len(house.calls()) - before == 2


# -- Lambda authorizers of REST APIs

EXPLICIT = {"Message": "User is not authorized to access this resource with an explicit deny"}
IMPLICIT = {"Message": "User is not authorized to access this resource"}


@pytest.mark.parametrize(
    ("token", "status", "body", "kind"),
    [
        (None, 401, {"message": "Unauthorized"}, "UnauthorizedException"),
        ("allow", 401, {"message": "Unauthorized"}, "UnauthorizedException"),  # not what the validation wants
        ("Bearer unauthorized", 401, {"message": "Unauthorized"}, "UnauthorizedException"),
        ("Bearer deny", 403, EXPLICIT, "AccessDeniedException"),
        ("Bearer other", 403, IMPLICIT, "AccessDeniedException"),
        ("Bearer boom", 500, {"message": None}, "AuthorizerConfigurationException"),
        ("Bearer malformed", 500, {"message": None}, "AuthorizerConfigurationException"),
        ("Bearer list", 500, {"message": None}, "AuthorizerConfigurationException"),
    ],
)
def test_who_a_rest_api_turns_away(house: Guarded, token: str | None, status: int, body: Any, kind: str) -> None:
    answer = house.ask("/rest/token", **({} if token is None else {"authorization": token}))
    assert (answer.status, answer.body, answer.headers["x-amzn-errortype"]) == (status, body, kind)
    assert answer.headers["x-amzn-requestid"]


def test_a_browser_may_ask_without_a_token(house: Guarded) -> None:
    asked = len(house.calls())
    answer = house.ask("/rest/paged", method="OPTIONS", Origin="https://a.example", Access_Control_Request_Method="GET")
    assert (answer.status, answer.body, answer.headers["access-control-allow-methods"]) == (200, None, "GET,OPTIONS")
    assert (house.ask("/rest/paged").status, len(house.calls())) == (401, asked)


def test_what_a_rest_apis_function_learns(house: Guarded) -> None:
    before = len(house.calls())
    first = house.ask("/rest/token", authorization="Bearer allow-once").body["requestContext"]["authorizer"]
    latency = first.pop("integrationLatency")
    assert first == {"principalId": "me", "tier": "2", "beta": "true", "name": "gold"}
    assert isinstance(latency, int)
    again = house.ask("/rest/other", authorization="Bearer allow-once").body["requestContext"]["authorizer"]
    assert again["integrationLatency"] == 0  # kept, for another method of the API
    (asked,) = house.calls()[before:]
    assert asked.keys() == {"type", "methodArn", "authorizationToken"}
    assert asked["methodArn"].endswith("/prod/GET/rest/token")


def test_a_request_authorizer_wants_all_its_identities(house: Guarded) -> None:
    assert house.ask("/rest/request", x_who="allow").status == 401
    assert house.ask("/rest/request?q=1").status == 401
    answer = house.ask("/rest/request?q=1", x_who="allow")
    assert answer.status == 200
    asked = house.calls()[-1]
    assert (asked["type"], asked["resource"], asked["queryStringParameters"]) == ("REQUEST", "/rest/request", {"q": "1"})
    assert "authorizer" not in asked["requestContext"]


def test_requests_alike_share_one_invocation(house: Guarded) -> None:
    before = len(house.calls())
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: house.ask("/rest/token", authorization="Bearer slow-together"), range(8)))
    assert {answer.status for answer in answers} == {200}
    assert len(house.calls()) - before == 1


# -- API keys


def test_a_key_is_wanted(house: Guarded) -> None:
    for headers in ({}, {"x_api_key": "wrong"}, {"x_api_key": WEB_KEY + "x"}):
        answer = house.ask("/rest/keys", **headers)
        assert (answer.status, answer.body) == (403, {"message": "Forbidden"})
        assert answer.headers["x-amzn-errortype"] == "ForbiddenException"
    identity = house.ask("/rest/keys", x_api_key=WEB_KEY).body["requestContext"]["identity"]
    assert (identity["apiKey"], identity["apiKeyId"]) == (WEB_KEY, "web")


def test_a_key_over_its_rate_and_a_key_over_its_quota(house: Guarded) -> None:
    assert house.ask("/rest/keys", x_api_key=SLOW_KEY).status == 200
    answer = house.ask("/rest/keys", x_api_key=SLOW_KEY)
    assert (answer.status, answer.body, answer.headers["x-amzn-errortype"]) == (
        429,
        {"message": "Too Many Requests"},
        "TooManyRequestsException",
    )
    assert [house.ask("/rest/keys", x_api_key=FEW_KEY).status for _ in range(2)] == [200, 200]
    answer = house.ask("/rest/keys", x_api_key=FEW_KEY)
    assert (answer.status, answer.body, answer.headers["x-amzn-errortype"]) == (
        429,
        {"message": "Limit Exceeded"},
        "LimitExceededException",
    )
    assert int(answer.headers["retry-after"]) >= 1


def test_without_a_key_no_authorizer_is_asked(house: Guarded) -> None:
    before = len(house.calls())
    assert house.ask("/rest/gold", authorization="allow-gold").status == 403
    assert len(house.calls()) == before
    assert house.ask("/rest/gold", authorization="allow-gold", x_api_key=WEB_KEY).status == 200
    assert len(house.calls()) == before + 1


def test_an_authorizer_may_name_the_key(house: Guarded) -> None:
    answer = house.ask("/rest/named", x_who="allow", x_use=WEB_KEY)
    assert answer.body["requestContext"]["identity"]["apiKeyId"] == "web"
    assert answer.body["requestContext"]["authorizer"]["principalId"] == "me"
    assert house.ask("/rest/named", x_who="allow", x_use=FEW_KEY).status == 403
    assert house.ask("/rest/named", x_who="allow").status == 403


# -- tokens


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (RSA, "PS384"), (EC, "ES256")])
def test_a_good_token(house: Guarded, issuer: Issuer, key: Any, algorithm: str) -> None:
    token = issuer.token(key, algorithm, groups=["a", "b"], scope="read write", nothing=None)
    authorizer = house.ask("/jwt", authorization=f"Bearer {token}").body["requestContext"]["authorizer"]
    claims = authorizer["jwt"]["claims"]
    assert authorizer["jwt"]["scopes"] is None
    assert (claims["sub"], claims["groups"], claims["scope"], claims["exp"].isdigit()) == ("me", "[a b]", "read write", True)
    assert "nothing" not in claims
    assert house.ask("/jwt", authorization=token).status == 200


def test_keys_are_asked_for_once(house: Guarded, issuer: Issuer) -> None:
    house.ask("/jwt", authorization=issuer.token(RSA))
    before = len(issuer.asked)
    assert {house.ask("/jwt", authorization=issuer.token(RSA, jti=str(number))).status for number in range(5)} == {200}
    assert len(issuer.asked) == before


def test_bad_tokens(house: Guarded, issuer: Issuer) -> None:
    now = int(time.time())
    good = issuer.token(RSA)
    for token, told in [
        (None, "Bearer"),
        ("x", "not a signed JWT"),
        (good[:-4] + "AAAA", "signature is wrong"),
        (issuer.token(STRANGER), "signature is wrong"),
        (issuer.token(LOCAL, "ES384"), "not one of the issuer's"),
        (issuer.token(RSA, exp=now - 1), "expired"),
        (issuer.token(RSA, aud="else"), "the token does not have a valid audience"),
        (issuer.token(RSA, iss="https://evil.example.com"), "issuer"),
        ("eyJhbGciOiJub25lIiwia2lkIjoicnNhIn0." + good.split(".")[1] + ".AA", "algorithm is not accepted"),
    ]:
        answer = house.ask("/jwt", **({} if token is None else {"authorization": f"Bearer {token}"}))
        assert (answer.status, answer.body) == (401, {"message": "Unauthorized"}), told
        assert told in answer.headers["www-authenticate"]


def test_scopes(house: Guarded, issuer: Issuer) -> None:
    answer = house.ask("/jwt/scoped", authorization=issuer.token(RSA, scope="read write"))
    assert answer.body["requestContext"]["authorizer"]["jwt"]["scopes"] == ["read", "write"]
    answer = house.ask("/jwt/scoped", authorization=issuer.token(RSA, scope="read"))
    assert (answer.status, answer.body) == (403, {"message": "Forbidden"})
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_keys_in_a_file_and_at_a_url(house: Guarded, issuer: Issuer) -> None:
    claims = {"iss": "https://login.example.com", "aud": "api", "exp": int(time.time()) + 600}
    assert house.ask("/jwt/file", authorization=signed(LOCAL, "ES384", claims)).status == 200
    assert house.ask("/jwt/file", authorization=issuer.token(RSA)).status == 401
    old = house.ask("/jwt/old", authorization=issuer.token(EC, "ES256")).body["requestContext"]["authorizer"]
    assert old["claims"]["sub"] == "me"
    assert old["scopes"] is None


# -- afterwards


def test_what_is_counted_and_what_is_not_logged(house: Guarded, issuer: Issuer) -> None:
    token = issuer.token(RSA, jti="never-logged")
    house.ask("/jwt", authorization=f"Bearer {token}")
    house.ask("/jwt", authorization=f"Bearer {token}x")
    house.ask("/rest/token", authorization="Bearer boom-never-logged")
    connection = http.client.HTTPConnection("127.0.0.1", house.console, timeout=10)
    connection.request("GET", "/metrics")
    metrics = connection.getresponse().read().decode()
    connection.close()
    for line in (
        'router_http_denied_total{function="echo",status="429"}',
        'router_authorizer_invocations_total{authorizer="policy",outcome="malformed"}',
        'router_authorizer_kept_answers_total{authorizer="simple"}',
        f'router_jwks_looks_total{{issuer="{issuer.url}",outcome="ok"}}',
        f'router_jwt_checks_total{{issuer="{issuer.url}",outcome="refused"}}',
        'router_usage_requests_total{plan="few",key="few",outcome="over_quota"} 1',
        'router_usage_quota_used{plan="few",key="few"} 2',
    ):
        assert line in metrics
    logged = house.log.read_text()
    assert '"authorizer_failed"' in logged
    for secret in (token, "never-logged", WEB_KEY, SLOW_KEY, FEW_KEY):
        assert secret not in logged


def test_a_quota_survives_a_stop_and_a_kill_gives_back_a_second_of_it_at_most(tmp_path: Path, issuer: Issuer) -> None:
    with Guarded(tmp_path, issuer.url) as house:
        house.begin()
        assert house.ask("/rest/keys", x_api_key=FEW_KEY).status == 200
        assert house.stop() == 0
        house.begin()
        assert house.ask("/rest/keys", x_api_key=FEW_KEY).status == 200
        assert house.ask("/rest/keys", x_api_key=FEW_KEY).status == 429
        assert house.until(lambda: house.stored_uses() == 2, 1.5), "it is written once a second"
        house.kill()
        house.begin()
        assert house.ask("/rest/keys", x_api_key=FEW_KEY).status == 429
        assert house.stop() == 0
