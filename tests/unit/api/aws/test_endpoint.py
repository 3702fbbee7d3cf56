"""The endpoint over services of the test's own: the order of its questions, and what comes of each."""

import asyncio
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest
from botocore.auth import SigV4Auth

from router.api.aws import endpoint, sizes
from router.api.aws.endpoint import Endpoint
from router.api.aws.gate import Gate
from router.api.aws.identities import Identities
from router.api.aws.json_protocol import JsonProtocol
from router.api.aws.service import AwsError, Call, Members, Need, Operation
from router.config.types import Config
from router.credentials import LIST, KeyStore, Signers
from router.errors import JournalError
from router.events.http import Request, Response
from router.iam.policy import Policy
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.helpers.signing import came, signed

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/t"


class Tables:
    """A service whose operation does what the test says."""

    name: ClassVar[str] = "dynamodb"

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.does: Any = dict
        self.gate = asyncio.Event()

    @property
    def operations(self) -> Mapping[str, Operation]:
        need = [Need("dynamodb:DescribeTable", ARN)]
        return {"DescribeTable": Operation(self._run, lambda _: need), "PutItem": Operation(self._wait, lambda _: need)}

    def policy(self, resource: str) -> Policy | None:
        return None

    async def _wait(self, call: Call) -> Members:
        self.calls.append(call)
        await self.gate.wait()
        return {}

    async def _run(self, call: Call) -> Members:
        self.calls.append(call)
        done: Members = self.does()
        return done


class Only:
    """There is no other."""

    def __init__(self, service: Tables) -> None:
        self._service = service

    def has(self, name: str) -> bool:
        return name == self._service.name

    async def get(self, name: str) -> Tables:
        assert self.has(name)
        return self._service

    async def wire(self, name: str) -> Any:
        assert name == "s3"
        return self

    async def serve(self, request: Request, gate: Gate, request_id: str) -> Response:
        assert gate.account
        assert request_id
        return Response(int(request.path[1:]))


class Desk:
    """An endpoint over that service."""

    def __init__(self, place: Path) -> None:
        self.place, self.tables, self.metrics, self.clock = place, Tables(), Metrics(), VirtualClock(time.time())
        config = Config(place / "config.yaml", place)
        self.store = KeyStore(place)
        gate = Gate(config, Signers(config), self.clock)
        services: Any = Only(self.tables)
        self.endpoint = Endpoint(services, gate, Identities(self.store, self.clock), self.metrics)
        self.key, self.secret = self.store.create("ann", ["admin"], None, self.clock.now())

    async def ask(self, body: bytes = b'{"TableName": "t"}', operation: str = "DescribeTable", *, secret: str = "") -> tuple[int, Any]:
        """Status and answer."""
        headers = {"X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        facts: dict[str, Any] = {"key_id": self.key.id, "secret": secret or self.secret, "at": self.clock.now()}
        made = came(signed(SigV4Auth, "http://127.0.0.1:4566/", service="dynamodb", body=body, headers=headers, **facts))
        answer = await self.endpoint.handle(Request(made.method, made.path, made.headers, body, "127.0.0.1", "127.0.0.1:4566"))
        assert dict(answer.headers)["x-amzn-RequestId"]
        return self.read(answer)

    def read(self, answer: Response) -> tuple[int, Any]:
        assert isinstance(answer.body, bytes)
        return answer.status, orjson.loads(answer.body or b"{}")

    def counted(self) -> str:
        """What was counted, without its zeros."""
        return "".join(line for line in self.metrics.exposition().splitlines() if line.startswith("router_aws_requests_total{"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "ok"), (304, "ok"), (403, "denied"), (404, "refused"), (412, "refused"), (500, "error"), (503, "error")]
)
async def test_requests_of_s3_are_counted_by_their_status(desk: Desk, status: int, outcome: str) -> None:
    answer = await desk.endpoint.handle(Request("GET", f"/{status}", [("authorization", "x")], b"", "127.0.0.1", "127.0.0.1:4566"))
    assert answer.status == status
    assert desk.counted() == f'router_aws_requests_total{{service="s3",operation="any",outcome="{outcome}"}} 1'


async def test_a_call_arrives_with_all_that_is_known_of_it(desk: Desk) -> None:
    assert await desk.ask() == (200, {})
    (call,) = desk.tables.calls
    assert (call.service, call.operation, call.parameters) == ("dynamodb", "DescribeTable", {"TableName": "t"})
    assert call.caller.principal.arn == "arn:aws:iam::123456789012:user/ann"
    assert (call.context["aws:sourceip"], call.endpoint) == (("127.0.0.1",), "http://127.0.0.1:4566")
    assert desk.counted() == 'router_aws_requests_total{service="dynamodb",operation="DescribeTable",outcome="ok"} 1'


@pytest.mark.parametrize(
    ("asked", "status", "type_", "outcome"),
    [
        ({"secret": "x" * 40}, 400, "com.amazon.coral.service#InvalidSignatureException", "unauthenticated"),
        ({"operation": "Nothing"}, 400, "com.amazon.coral.service#UnknownOperationException", "unknown"),
        ({"operation": "DescribeLimits"}, 501, "com.amazonaws.dynamodb.v20120810#NotImplementedException", "unknown"),
        ({"body": b"{"}, 400, "com.amazon.coral.service#SerializationException", "refused"),
        ({"body": b"{}"}, 400, "com.amazonaws.dynamodb.v20120810#ValidationException", "refused"),
    ],
)
async def test_what_is_refused_before_the_service(desk: Desk, asked: dict[str, Any], status: int, type_: str, outcome: str) -> None:
    answered, said = await desk.ask(**asked)
    assert (answered, said["__type"]) == (status, type_)
    assert f'outcome="{outcome}"' in desk.counted()
    assert not desk.tables.calls


async def test_who_may_not_is_told_so_and_nothing_runs(desk: Desk) -> None:
    desk.key, desk.secret = desk.store.create("bob", ["invoke"], None, desk.clock.now())
    status, said = await desk.ask()
    assert (status, said["__type"]) == (400, "com.amazon.coral.service#AccessDeniedException")
    assert said["Message"].startswith(
        f"User: arn:aws:iam::123456789012:user/bob is not authorized to perform: dynamodb:DescribeTable on resource: {ARN}"
    )
    assert not desk.tables.calls
    assert 'outcome="denied"' in desk.counted()


def _raise(error: Exception) -> Any:
    def run() -> Any:
        raise error

    return run


async def test_what_a_service_raises(desk: Desk) -> None:
    desk.tables.does = _raise(AwsError("ResourceNotFoundException", "no table"))
    assert await desk.ask() == (400, {"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "no table"})
    desk.tables.does = _raise(JournalError("the disk is full"))
    assert (await desk.ask())[0] == 503
    desk.tables.does = _raise(ZeroDivisionError("secret"))
    status, said = await desk.ask()
    assert (status, "secret" in str(said)) == (500, False)
    desk.tables.does = lambda: {"Nobody": 1}
    assert (await desk.ask())[0] == 500


async def test_keys_that_cannot_be_read_let_nobody_in(desk: Desk) -> None:
    (desk.place / LIST).chmod(0o644)
    assert (await desk.ask())[0] == 500
    assert not desk.tables.calls


async def test_services_that_are_not_here(desk: Desk) -> None:
    status, said = desk.read(await desk.endpoint.handle(Request("GET", "/2015-03-31/functions", ())))
    assert (status, said) == (404, {"message": ""})


def item(size: int) -> bytes:
    return orjson.dumps({"TableName": "t", "Item": {"id": {"S": "x" * size}}})


async def test_a_large_request_is_believed_and_read_beside_the_loop(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    at: list[bool] = []
    loop = threading.get_ident()

    class Noting(JsonProtocol):
        def read(self, *asked: Any) -> dict[str, Any]:
            at.append(threading.get_ident() == loop)
            return super().read(*asked)

    monkeypatch.setitem(endpoint.PROTOCOLS, "json", Noting())  # type: ignore[arg-type]
    desk.tables.gate.set()
    assert await desk.ask(item(10), "PutItem") == (200, {})
    assert await desk.ask(item(sizes.APART), "PutItem") == (200, {})
    assert at == [True, False]
    assert desk.tables.calls[1].parameters["Item"]["id"]["S"] == "x" * sizes.APART
    status, said = await desk.ask(item(sizes.APART), "PutItem", secret="x" * 40)
    assert (status, said["__type"]) == (400, "com.amazon.coral.service#InvalidSignatureException")
    assert len(at) == 2


async def test_large_requests_at_work_are_bounded_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "HELD", 3 * sizes.APART)
    under_way = [asyncio.create_task(desk.ask(item(sizes.APART), "PutItem")) for _ in range(2)]
    async with asyncio.timeout(20):
        while len(desk.tables.calls) < 2:
            await asyncio.sleep(0)
    status, said = await desk.ask(item(sizes.APART), "PutItem")
    assert (status, said["__type"]) == (503, "com.amazonaws.dynamodb.v20120810#ThrottlingException")
    assert await desk.ask() == (200, {})  # small ones go on
    desk.tables.gate.set()
    assert await asyncio.gather(*under_way) == [(200, {})] * 2
    assert await desk.ask(item(4 * sizes.APART), "PutItem") == (200, {})  # alone it may be larger than all together
