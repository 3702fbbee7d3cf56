"""The guards of a route: their order, and what routes share."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.config.types import Config, Throttle
from router.errors import JournalError, SourceError
from router.events.authorizer import Identity
from router.events.gateway import Api, Arrival, Asked, Denied, Passage
from router.events.http import Request
from router.model import Outcome
from router.sources.base import House
from router.sources.http_access import OPEN, Access, ApiKeys, JwtAuthorizer, LambdaAuthorizer
from router.sources.http_authorizer import AuthorizerGuard, KeyedGuard
from router.sources.http_face import Guard
from router.sources.http_guards import Gatehouse, ThrottleGuard
from router.sources.http_jwt import JwtGuard
from router.sources.http_keys import KeyGuard
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.helpers.outlet import MemoryOutlet
from tests.unit.sources.test_http_keys import PLANS, WEB

REST, HTTP = Api("1", "rest"), Api("1", "http")
ARRIVAL = Arrival("id", "Root=1-0-0", 0.0)
TOKEN = LambdaAuthorizer("auth", "token", (Identity("header", "authorization"),), 300)
JWT = JwtAuthorizer("https://login.example.com", frozenset({"api"}))
ALLOW = orjson.dumps(
    {
        "principalId": "me",
        "policyDocument": {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}},
        "usageIdentifierKey": WEB,
    }
)


def gatehouse(clock: VirtualClock | None = None, **more: Any) -> Gatehouse:
    config = Config(Path(), Path(), usage_plans=PLANS, **more)
    return Gatehouse(House(config, clock or VirtualClock(), None, Metrics()))  # type: ignore[arg-type]


async def through(guards: tuple[Guard, ...], outlet: MemoryOutlet, **headers: str) -> list[Passage | Denied]:
    """What each guard says, up to the first that turns the request away."""
    said: list[Passage | Denied] = []
    request = Request("GET", "/x", [(name.replace("_", "-"), value) for name, value in headers.items()])
    for guard in guards:
        said.append(await guard.admit(Asked(request, "/x", "GET /x", {}), ARRIVAL, outlet))
        if isinstance(said[-1], Denied):
            break
    return said


def outlet(answer: Callable[..., Outcome] = lambda _: Outcome(ALLOW)) -> MemoryOutlet:
    return MemoryOutlet(answer)


def test_an_open_route_has_none() -> None:
    assert gatehouse().guards(OPEN, HTTP, "2.0") == ()


@pytest.mark.parametrize(
    ("access", "kinds"),
    [
        (Access(Throttle(1, 1)), [ThrottleGuard]),
        (Access(Throttle(1, 1), ApiKeys(("gold",)), TOKEN), [ThrottleGuard, KeyGuard, AuthorizerGuard]),
        (Access(Throttle(1, 1), ApiKeys(("gold",), "authorizer"), TOKEN), [ThrottleGuard, KeyedGuard]),
        (Access(authorizer=JWT), [JwtGuard]),
    ],
)
def test_the_order(access: Access, kinds: list[type[Any]]) -> None:
    assert [type(guard) for guard in gatehouse().guards(access, REST, "rest")] == kinds


async def test_who_is_throttled_reaches_neither_plan_nor_authorizer() -> None:
    clock = VirtualClock()
    guards = gatehouse(clock).guards(Access(Throttle(1, 1), ApiKeys(("gold",)), TOKEN), REST, "rest")
    asking = outlet()
    assert len(await through(guards, asking, authorization="a", x_api_key=WEB)) == 3
    (denied,) = await through(guards, asking, authorization="b", x_api_key=WEB)
    assert denied == Denied(429, {"message": "Too Many Requests"}, "TooManyRequestsException", 1)
    assert len(asking.invoked) == 1
    await clock.advance(1)
    assert len(await through(guards, asking, authorization="b", x_api_key=WEB)) == 3


async def test_who_has_no_key_reaches_no_authorizer() -> None:
    guards = gatehouse().guards(Access(None, ApiKeys(("gold",)), TOKEN), REST, "rest")
    asking = outlet()
    (denied,) = await through(guards, asking, authorization="a", x_api_key="x")
    assert isinstance(denied, Denied)
    assert denied.status == 403
    assert asking.invoked == []


async def test_routes_of_one_api_share_an_authorizer_and_those_of_another_do_not() -> None:
    house = gatehouse()
    asking = outlet()
    for api, shape in ((REST, "rest"), (REST, "rest"), (HTTP, "1.0")):
        await through(house.guards(Access(authorizer=TOKEN), api, shape), asking, authorization="a")  # type: ignore[arg-type]
    assert len(asking.invoked) == 2


async def test_each_route_has_its_own_throttle() -> None:
    house = gatehouse()
    access = Access(Throttle(1, 1))
    for guards in (house.guards(access, HTTP, "2.0"), house.guards(access, HTTP, "2.0")):
        assert isinstance((await through(guards, outlet()))[0], Passage)
        assert isinstance((await through(guards, outlet()))[0], Denied)


def test_routes_share_an_issuers_keys() -> None:
    house = gatehouse()
    one, two, other = (
        house.guards(Access(authorizer=config), HTTP, "2.0")[0]
        for config in (
            JWT,
            JwtAuthorizer(JWT.issuer, frozenset({"else"}), ("admin",)),
            JwtAuthorizer(JWT.issuer, JWT.audience, algorithms=("ES256",)),
        )
    )
    assert isinstance(one, JwtGuard)
    assert isinstance(two, JwtGuard)
    assert isinstance(other, JwtGuard)
    assert one._signatures is two._signatures
    assert one._signatures is not other._signatures
    assert one._signatures.keys is other._signatures.keys


async def test_opening_has_the_keys_looked_at() -> None:
    metrics = Metrics()
    house = Gatehouse(House(Config(Path(), Path()), VirtualClock(), None, metrics))  # type: ignore[arg-type]
    house.guards(Access(authorizer=JwtAuthorizer("https://x.example", frozenset({"api"}), jwks_file=Path("/nowhere"))), HTTP, "2.0")
    await house.open()
    looks = metrics.counter("router_jwks_looks_total", "")
    while not looks.value("https://x.example", "failed"):
        await asyncio.to_thread(bool)  # a turn for the threads too
    await house.close()


async def test_without_plans_nothing_is_opened() -> None:
    house = Gatehouse(House(Config(Path(), Path()), VirtualClock(), None, Metrics()))  # type: ignore[arg-type]
    await house.open()
    await house.run()
    await house.close()


async def test_a_store_that_cannot_be_read_stops_the_source() -> None:
    class Broken:
        async def migrate(self, *_: Any) -> None:
            raise JournalError("disk gone")

    config = Config(Path(), Path(), usage_plans=PLANS)
    house = Gatehouse(House(config, VirtualClock(), Broken(), Metrics()))  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="what API keys have used cannot be read: disk gone"):
        await house.open()


@pytest.mark.parametrize(
    "other",
    [
        Api("1", "http", stage="prod"),
        Api("1", "http", stage="dev", stage_variables={"db": "other"}),
        Api("1", "rest", stage="dev", stage_variables={"db": "test"}),
    ],
)
async def test_what_an_authorizer_said_of_one_stage_is_not_asked_for_another(other: Api) -> None:
    house = gatehouse()
    asked = outlet()
    first = Api("1", "http", stage="dev", stage_variables={"db": "test"})
    for api in (first, first._replace(stage_variables={"db": "test"}), other, first):
        await through(house.guards(Access(authorizer=TOKEN), api, "rest"), asked, authorization="Bearer x")
    assert len(asked.invoked) == 2
