"""API keys and usage plans: who passes, who does not, and what is left of a count after a restart."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.config.types import Quota, Throttle, UsagePlan
from router.errors import JournalError
from router.events.gateway import Arrival, Asked, Denied, Passage
from router.events.http import Request
from router.journal.database import Database
from router.sources.http_keys import FLUSH, KeyGuard, Usage, digest_of
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle
from tests.helpers.outlet import MemoryOutlet

MOBILE, WEB = "mobile-0123456789-0123456789", "web-0123456789-0123456789"
PLANS = {
    "basic": UsagePlan("basic", {"mobile": MOBILE}, Throttle(1, 2), Quota(3, "day")),
    "gold": UsagePlan("gold", {"web": WEB}),
}
ARRIVAL = Arrival("id", "Root=1-0-0", 0.0)
DAY = 86400


def usage(clock: VirtualClock, metrics: Metrics | None = None) -> Usage:
    made = Usage(PLANS, clock, metrics or Metrics())
    made.tell()
    return made


async def admitted(guard: KeyGuard, *keys: str) -> Passage | Denied:
    headers = [("x-api-key", key) for key in keys]
    return await guard.admit(Asked(Request("GET", "/x", headers), "/x", "GET /x", {}), ARRIVAL, MemoryOutlet())


def status(answer: Passage | Denied) -> int:
    return answer.status if isinstance(answer, Denied) else 200


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "journal.db")
    yield opened
    await opened.close()


async def test_a_key_of_the_routes_plans_passes_and_the_function_is_told_whose() -> None:
    guard = KeyGuard(usage(VirtualClock()), ["basic", "gold"])
    assert await admitted(guard, MOBILE) == Passage(identity={"apiKey": MOBILE, "apiKeyId": "mobile"})
    assert await admitted(guard, WEB) == Passage(identity={"apiKey": WEB, "apiKeyId": "web"})


@pytest.mark.parametrize("keys", [(), ("",), ("x",), (MOBILE.upper(),), (MOBILE + " ",), (WEB,), ("ü",), ("\udcff",)])
async def test_no_other_key_does(keys: tuple[str, ...]) -> None:
    guard = KeyGuard(usage(VirtualClock()), ["basic"])
    assert await admitted(guard, *keys) == Denied(403, {"message": "Forbidden"}, "ForbiddenException")


async def test_a_key_too_fast_and_a_key_too_often() -> None:
    clock, metrics = VirtualClock(), Metrics()
    guard = KeyGuard(usage(clock, metrics), ["basic"])
    assert [status(await admitted(guard, MOBILE)) for _ in range(2)] == [200, 200]
    assert await admitted(guard, MOBILE) == Denied(429, {"message": "Too Many Requests"}, "TooManyRequestsException", 1)
    await clock.advance(10)
    assert status(await admitted(guard, MOBILE)) == 200
    left = DAY - clock.now() % DAY
    assert await admitted(guard, MOBILE) == Denied(429, {"message": "Limit Exceeded"}, "LimitExceededException", int(left))
    counter = metrics.counter("router_usage_requests_total", "")
    assert [counter.value("basic", "mobile", outcome) for outcome in ("admitted", "throttled", "over_quota")] == [3, 1, 1]
    assert 'router_usage_quota_used{plan="basic",key="mobile"} 3' in metrics.exposition()
    await clock.advance(left)
    assert status(await admitted(guard, MOBILE)) == 200


async def test_routes_share_what_a_key_has_left() -> None:
    shared = usage(VirtualClock())
    first, second = KeyGuard(shared, ["basic"]), KeyGuard(shared, ["gold", "basic"])
    assert [status(await admitted(guard, MOBILE)) for guard in (first, second, first)] == [200, 200, 429]


async def test_who_is_throttled_keeps_the_quota() -> None:
    clock = VirtualClock()
    guard = KeyGuard(usage(clock), ["basic"])
    statuses = []
    for _ in range(4):
        statuses += [status(await admitted(guard, MOBILE)) for _ in range(3)]
        await clock.advance(1.5)
    assert statuses == [200, 200, 429, 200, *[429] * 8]


async def test_identify_counts_nothing() -> None:
    guard = KeyGuard(usage(VirtualClock()), ["basic"])
    for _ in range(9):
        assert guard.identify(MOBILE).identity == {"apiKey": MOBILE, "apiKeyId": "mobile"}
    assert guard.identify("x").identity == {}
    assert status(await admitted(guard, MOBILE)) == 200


async def test_counts_survive_a_restart(database: Database) -> None:
    clock = VirtualClock()
    before = usage(clock)
    await before.open(database)
    guard = KeyGuard(before, ["basic"])
    assert [status(await admitted(guard, MOBILE)) for _ in range(2)] == [200, 200]
    await before.save(database)
    after = usage(clock)
    await after.open(database)
    guard = KeyGuard(after, ["basic"])
    assert [status(await admitted(guard, MOBILE)) for _ in range(2)] == [200, 429]
    assert await database.read("SELECT plan, key, requests FROM usage_counts") == [("basic", "mobile", 2)]
    for (column,) in await database.read("SELECT key FROM usage_counts"):
        assert MOBILE not in column


async def test_a_kill_takes_what_was_counted_since_the_last_writing(database: Database) -> None:
    """It is in the caller's favour: the lost requests may be made again."""
    clock = VirtualClock()
    before = usage(clock)
    await before.open(database)
    saving = asyncio.create_task(before.run(database))
    await settle()
    guard = KeyGuard(before, ["basic"])
    assert status(await admitted(guard, MOBILE)) == 200
    await clock.advance(FLUSH)
    while not await database.read("SELECT 1 FROM usage_counts"):
        await asyncio.to_thread(bool)  # a turn for the threads too
    assert status(await admitted(guard, MOBILE)) == 200
    saving.cancel()
    after = usage(clock)
    await after.open(database)
    await clock.advance(10)
    guard = KeyGuard(after, ["basic"])
    statuses = []
    for _ in range(3):
        statuses.append(status(await admitted(guard, MOBILE)))
        await clock.advance(10)
    assert statuses == [200, 200, 429]


async def test_opening_again_counts_nothing_twice(database: Database) -> None:
    clock = VirtualClock()
    one = usage(clock)
    await one.open(database)
    guard = KeyGuard(one, ["basic"])
    assert status(await admitted(guard, MOBILE)) == 200
    await one.save(database)
    await one.open(database)
    await clock.advance(10)
    assert [status(await admitted(guard, MOBILE)) for _ in range(2)] == [200, 200]


async def test_a_store_that_fails_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        failing = True
        written: list[Any] = []  # noqa: RUF012 - a stub

        async def transact(self, unit: Any) -> None:
            if self.failing:
                raise JournalError("disk full")

            class Connection:
                def executemany(self, _: str, rows: list[Any]) -> None:
                    Failing.written += rows

            unit(Connection())

    store: Any = Failing()
    one = usage(VirtualClock())
    one._loaded = True
    guard = KeyGuard(one, ["basic"])
    assert status(await admitted(guard, MOBILE)) == 200
    await one.save(store)
    await one.save(store)
    assert store.written == []
    store.failing = False
    await one.save(store)
    await one.save(store)
    assert [row[:2] + row[3:] for row in store.written] == [("basic", "mobile", 1)]


async def test_old_counts_are_forgotten(database: Database) -> None:
    clock = VirtualClock()
    one = usage(clock)
    await one.open(database)
    assert status(await admitted(KeyGuard(one, ["basic"]), MOBILE)) == 200
    await one.save(database)
    await clock.advance(70 * DAY)
    await usage(clock).open(database)
    assert await database.read("SELECT * FROM usage_counts") == []


def test_keys_are_looked_up_by_digest() -> None:
    holders = usage(VirtualClock()).holders(["basic"])
    assert set(holders) == {digest_of(MOBILE)}
    assert MOBILE not in repr(holders)


async def test_a_successor_shares_the_counts_of_plans_that_have_not_changed() -> None:
    clock = VirtualClock()
    former, changed = usage(clock), PLANS | {"basic": UsagePlan("basic", {"mobile": MOBILE, "new": WEB}, Throttle(1, 2), Quota(3, "day"))}
    old = KeyGuard(former, ["basic"])
    assert [status(await admitted(old, MOBILE)) for _ in range(2)] == [200, 200]
    successor = Usage(changed, clock, Metrics())
    successor.succeed(former)
    new = KeyGuard(successor, ["basic"])
    assert status(await admitted(new, MOBILE)) == 429, "the bucket is as empty as it was"
    await clock.advance(10)
    assert status(await admitted(new, MOBILE)) == 200
    assert status(await admitted(old, MOBILE)) == 429, "the quota is one for both"
    assert status(await admitted(new, WEB)) == 200
    other = Usage({"basic": UsagePlan("basic", {"mobile": MOBILE}, Throttle(1, 2), Quota(9, "day"))}, clock, Metrics())
    other.succeed(former)
    assert status(await admitted(KeyGuard(other, ["basic"]), MOBILE)) == 200, "another quota is counted anew"
