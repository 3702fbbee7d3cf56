"""Function URLs with auth: iam, without a port: who is let in, what the function is told of them, what others are told."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth

from router.config.types import Config, Function, Listen, Role
from router.credentials import KeyStore
from router.events.http import Request, Response
from router.iam import sessions
from router.iam.keys import AccessKey
from router.iam.policy import Policy
from router.iam.reading import read
from router.iam.sessions import Session
from router.model import Outcome
from router.sources.base import Binding, House
from router.sources.http import HttpSource
from router.sources.http_triggers import UrlTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.helpers.outlet import MemoryOutlet
from tests.helpers.signing import NOW, signed
from tests.unit.sources.http_rig import triggers

ACCOUNT = "123456789012"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
HOST = "f.lambda-url.us-east-1.localhost:8080"
URL = f"http://{HOST}/a/b?x=1&x=2"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing"
    " method. Consult the service documentation for details."
)


def document(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": ARN, **more}]}


BOTH = document("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")


class Door:
    """A function's URL behind its guard."""

    def __init__(self, state: Path, role: Mapping[str, Any] = BOTH, qualifier: str = "") -> None:
        self.clock, self.metrics = VirtualClock(NOW), Metrics()
        config = Config(Path("/c/config.yaml"), state, http=Listen("off"), roles={"caller": Role("caller", role)})
        (trigger,), mistakes = triggers("[{url: iam}]")
        assert not mistakes
        self.policies: dict[str, Policy] = {}  # functions' own
        self.house = House(config, self.clock, None, self.metrics, policy=self.policies.get)  # type: ignore[arg-type]
        (self.source,) = HttpSource.build([Binding(Function("f", Path("/code"), "app.handler"), trigger, 0, qualifier)], self.house)
        self.outlet = MemoryOutlet(lambda _: Outcome(b'"hello"'))
        self.source.places.line.outlet = self.outlet
        self.store = KeyStore(state)

    def key(self, *scopes: str, policy: Mapping[str, Any] | None = None) -> tuple[AccessKey, dict[str, str]]:
        key, secret = self.store.create("ann", scopes, policy, NOW)
        return key, {"key_id": key.id, "secret": secret}

    def session(self, role: str = "caller", policy: Any = None) -> dict[str, str]:
        made = sessions.mint(self.store.master(), Session(role, "other", NOW, NOW + 900, policy), b"n" * 16)
        return {"key_id": made.key_id, "secret": made.secret, "token": made.token}

    async def ask(
        self, signer: Any = SigV4Auth, url: str = URL, *, body: bytes = b"body", tamper: Any = lambda request: request, **sent: Any
    ) -> Response:
        made = signed(signer, url, body=body, **sent)
        at = urlsplit(made.url)
        lines = [(name, value) for name, value in made.headers.items() if signer is not SigV4QueryAuth]
        headers = [("host", at.netloc), *((name.lower(), value) for name, value in lines)]
        target = f"{at.path}?{at.query}" if at.query else at.path
        return await self.source.handle(tamper(Request(made.method, target, headers, body, "203.0.113.7", at.netloc, 8080)))

    @property
    def event(self) -> Any:
        """That of the only invocation."""
        (envelope,) = self.outlet.invoked
        return json.loads(envelope.payload)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def told(response: Response) -> tuple[int, Any, str]:
    assert isinstance(response.body, bytes)
    kind = next((value for name, value in response.headers if name == "x-amzn-ErrorType"), "")
    return response.status, json.loads(response.body), kind


FORBIDDEN = (403, {"Message": "Forbidden"}, "AccessDeniedException")


async def test_who_signed_and_may_is_let_in_and_told_of(door: Door) -> None:
    key, sent = door.key("invoke")
    response = await door.ask(**sent)
    assert (response.status, response.body) == (200, b"hello")
    context = door.event["requestContext"]
    assert context["accountId"] == ACCOUNT
    user_id = context["authorizer"]["iam"]["userId"]
    assert context["authorizer"] == {
        "iam": {
            "accessKey": key.id,
            "accountId": ACCOUNT,
            "callerId": user_id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": f"arn:aws:iam::{ACCOUNT}:user/ann",
            "userId": user_id,
        }
    }
    assert user_id.startswith("AIDA")


async def test_the_signature_stays_at_the_door(door: Door) -> None:
    _, sent = door.key("invoke")
    await door.ask(**sent)
    assert "authorization" not in door.event["headers"]
    assert "x-amz-date" in door.event["headers"]


async def test_the_authorizer_has_the_keys_of_the_documented_event(door: Door) -> None:
    _, sent = door.key("invoke")
    await door.ask(**sent)
    sample = json.loads((Path(__file__).parents[2] / "golden/function_url_post_auth_iam.json").read_text())
    assert door.event["requestContext"]["authorizer"]["iam"].keys() == sample["requestContext"]["authorizer"]["iam"].keys()


@pytest.mark.parametrize(
    "url", [f"http://{HOST}/", f"http://{HOST}/a%2Fb//c/./d?q=%20&e", "http://127.0.0.1:8080/_url/f/x?y=1", "http://127.0.0.1:8080/_url/f/"]
)
async def test_wherever_the_url_is_reached(door: Door, url: str) -> None:
    _, sent = door.key("admin")
    assert (await door.ask(url=url, **sent)).status == 200
    assert (await door.ask(SigV4QueryAuth, url, body=b"", method="GET", expires=60, **sent)).status == 200


async def test_a_function_s_role_is_let_in_by_its_session(door: Door) -> None:
    sent = door.session()
    assert (await door.ask(**sent)).status == 200
    caller = door.event["requestContext"]["authorizer"]["iam"]
    assert caller["userArn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/caller/other"
    assert caller["callerId"] == caller["userId"]
    assert caller["userId"].endswith(":other")
    assert caller["accessKey"] == sent["key_id"]
    assert told(await door.ask(**sent | {"token": sent["token"][:-2]})) == (
        403,
        {"message": "The security token included in the request is invalid."},
        "UnrecognizedClientException",
    )


async def test_a_session_that_has_ended_is_told_so(door: Door) -> None:
    door.clock.jump(900)
    assert told(await door.ask(at=NOW + 900, **door.session())) == (
        403,
        {"message": "The security token included in the request is expired"},
        "ExpiredTokenException",
    )


@pytest.mark.parametrize(
    "policy",
    [
        document("lambda:InvokeFunctionUrl"),
        document("lambda:InvokeFunction"),
        document("s3:*"),
        document("lambda:*", Condition={"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}),
        document("lambda:*", Condition={"Bool": {"aws:SecureTransport": "true"}}),
        document("lambda:*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        document("lambda:*", Resource=ARN + "x"),
        document("lambda:*", Resource=ARN + ":*"),
        {**BOTH, "Statement": [*BOTH["Statement"], {"Effect": "Deny", "Action": "lambda:InvokeFunction", "Resource": "*"}]},
    ],
    ids=str,
)
async def test_who_may_not_is_told_nothing_more(door: Door, policy: Any) -> None:
    _, sent = door.key(policy=policy)
    assert told(await door.ask(**sent)) == FORBIDDEN
    assert not door.outlet.invoked


@pytest.mark.parametrize(
    "policy",
    [
        document("lambda:Invoke*"),
        document("lambda:*", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        document("lambda:*", Condition={"ArnEquals": {"lambda:FunctionArn": ARN}}),
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "lambda:InvokeFunctionUrl",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}},
                },
                {
                    "Effect": "Allow",
                    "Action": "lambda:InvokeFunction",
                    "Resource": "*",
                    "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
                },
            ]
        },
    ],
    ids=str,
)
async def test_conditions_see_the_request(door: Door, policy: Any) -> None:
    _, sent = door.key(policy=policy)
    assert (await door.ask(**sent)).status == 200


async def test_who_did_not_sign_is_told_what_who_may_not_is(door: Door) -> None:
    unsigned = Request("GET", "/", [("host", HOST)], b"", "203.0.113.7", HOST, 8080)
    assert told(await door.source.handle(unsigned)) == FORBIDDEN
    assert 'router_http_denied_total{function="f",status="403"} 1' in door.metrics.exposition()


@pytest.mark.parametrize(
    ("sent", "body", "kind"),
    [
        ({"secret": "x" * 40}, {"message": MISMATCH}, "InvalidSignatureException"),
        (
            {"key_id": "AKIAIOSFODNN7EXAMPLE"},
            {"message": "The security token included in the request is invalid."},
            "UnrecognizedClientException",
        ),
        ({"token": "x"}, {"message": "The security token included in the request is invalid."}, "UnrecognizedClientException"),
        (
            {"service": "execute-api"},
            {"message": "Credential should be scoped to correct service: 'lambda'. "},
            "InvalidSignatureException",
        ),
        (
            {"at": NOW - 301},
            {"message": "Signature expired: 20261125T235459Z is now earlier than 20261125T235500Z (20261126T000000Z - 5 min.)"},
            "InvalidSignatureException",
        ),
        (
            {"tamper": lambda request: request._replace(headers=[*request.headers, ("x-amz-extra", "1")])},
            {"message": MISMATCH},
            "InvalidSignatureException",
        ),
        ({"tamper": lambda request: request._replace(body=b"other")}, {"message": MISMATCH}, "InvalidSignatureException"),
        ({"tamper": lambda request: request._replace(target="/a/b?x=1&x=3")}, {"message": MISMATCH}, "InvalidSignatureException"),
        ({"tamper": lambda request: request._replace(method="PUT")}, {"message": MISMATCH}, "InvalidSignatureException"),
        (
            {
                "tamper": lambda request: request._replace(
                    headers=[(n, "Bearer x" if n == "authorization" else v) for n, v in request.headers]
                )
            },
            {
                "message": "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter."
                " Authorization header requires 'SignedHeaders' parameter."
            },
            "IncompleteSignatureException",
        ),
    ],
)
async def test_who_is_not_believed_is_told_why_in_aws_s_words(door: Door, sent: Any, body: Any, kind: str) -> None:
    _, right = door.key("admin")
    assert told(await door.ask(**right | sent)) == (403, body, kind)
    assert not door.outlet.invoked


async def test_a_hash_that_was_signed_is_that_of_the_body(door: Door) -> None:
    _, sent = door.key("admin")
    right = {"x-amz-content-sha256": "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"}  # of b"body"
    assert (await door.ask(headers=right, **sent)).status == 200
    swapped = await door.ask(headers=right, tamper=lambda request: request._replace(body=b"evil"), **sent)
    assert told(swapped) == (403, {"message": MISMATCH}, "InvalidSignatureException")
    unsigned = await door.ask(headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, **sent)
    assert unsigned.status == 403
    as_s3 = await door.ask(S3SigV4Auth, **sent)
    assert as_s3.status == 200  # the same path either way: it has nothing to encode


async def test_a_key_counts_until_it_is_revoked(door: Door) -> None:
    key, sent = door.key("admin")
    assert (await door.ask(**sent)).status == 200
    KeyStore(door.house.config.state).revoke(key.id)
    assert told(await door.ask(**sent))[2] == "UnrecognizedClientException"


async def test_keys_that_cannot_be_read_let_nobody_in(door: Door) -> None:
    _, sent = door.key("admin")
    (door.house.config.state / "keys.json").write_text("{")
    assert told(await door.ask(**sent)) == (500, {"Message": "Internal Server Error"}, "InternalServerErrorException")


async def test_a_policy_of_the_function_lets_in_and_keeps_out(door: Door) -> None:
    _, sent = door.key(policy=document("s3:*"))
    for effect, status in (("Allow", 200), ("Deny", 403)):
        statement = {"Effect": effect, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"}, "Action": "lambda:*", "Resource": ARN}
        door.policies["f"] = read({"Statement": [statement]}, name="the function's", kind="resource")
        assert (await door.ask(**sent)).status == status


async def test_other_urls_stay_open(tmp_path: Path) -> None:
    assert UrlTrigger().signed is False
    door = Door(tmp_path)
    (trigger,), _ = triggers("[{url: none}]")
    (source,) = HttpSource.build([Binding(Function("g", Path("/code"), "app.handler"), trigger, 0)], door.house)
    source.places.line.outlet = door.outlet
    response = await source.handle(Request("GET", "/_url/g/", [("host", "a"), ("authorization", "Bearer x")], host="a"))
    assert response.status == 200
    assert door.event["requestContext"]["accountId"] == "anonymous"
    assert door.event["headers"]["authorization"] == "Bearer x"


@pytest.mark.parametrize(("resource", "status"), [(ARN, 403), (f"{ARN}:other", 403), (f"{ARN}:live", 200), (f"{ARN}:*", 200)])
async def test_a_url_of_an_alias_is_another_resource_than_its_function(tmp_path: Path, resource: str, status: int) -> None:
    door = Door(tmp_path, qualifier="live")
    _, sent = door.key(policy=document("lambda:InvokeFunctionUrl", "lambda:InvokeFunction", Resource=resource))
    assert (await door.ask(**sent)).status == status
    assert [envelope.function for envelope in door.outlet.invoked] == (["f:live"] if status == 200 else [])


@pytest.mark.parametrize(("target", "status"), [("f", 403), ("f:other", 403), ("f:live", 200)])
async def test_at_a_url_of_an_alias_the_policy_of_the_alias_counts(tmp_path: Path, target: str, status: int) -> None:
    door = Door(tmp_path, qualifier="live")
    _, sent = door.key("read")
    grant = document(
        "lambda:InvokeFunctionUrl", "lambda:InvokeFunction", Resource=f"{ARN}:live", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"}
    )
    door.policies[target] = read(grant, name="the policy", kind="resource")
    assert (await door.ask(**sent)).status == status
