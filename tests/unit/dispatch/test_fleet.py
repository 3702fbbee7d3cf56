"""Sources that are exchanged while others run."""

import asyncio
from typing import Any

import pytest

from router.dispatch.fleet import Fleet
from router.errors import SourceError
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle
from tests.helpers.outlet import MemoryOutlet


class Plain:
    """Runs until it is stopped, and then for as long as it is busy."""

    def __init__(self, name: str, basis: object, said: list[str], busy: asyncio.Event | None = None) -> None:
        self.name, self.basis, self._said, self._busy = name, basis, said, busy

    async def run(self, outlet: Any, stop: asyncio.Event) -> None:
        self._said.append(f"+{self.name}{self.basis}")
        await stop.wait()
        if self._busy is not None:
            await self._busy.wait()
        self._said.append(f"-{self.name}{self.basis}")

    def health(self) -> str:
        return ""


class Becoming(Plain):
    """Can become another without stopping."""

    refusing = False
    able = True

    def can_become(self, source: Any) -> bool:
        return self.able

    async def prepare(self, former: Any) -> None:
        if self.refusing:
            raise SourceError("the store is gone")
        self._said.append(f"prepared {self.basis} after {former.basis}")

    def become(self, source: Any) -> None:
        self.basis = source.basis


class Stage:
    """A fleet that runs."""

    def __init__(self, *sources: Any) -> None:
        self.fleet = Fleet(sources, clock=VirtualClock(), metrics=Metrics())
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(self.fleet.run(MemoryOutlet(), self.stop))

    async def exchange(self, *sources: Any) -> list[str]:
        await settle()
        plan = self.fleet.plan(sources)
        await self.fleet.prepare(plan)
        self.fleet.exchange(plan)
        await settle()
        return plan.changed

    async def end(self) -> None:
        self.stop.set()
        await asyncio.wait_for(self.task, 5)


async def test_only_what_has_another_basis_is_disturbed() -> None:
    said: list[str] = []
    stage = Stage(Plain("a", 1, said), Plain("b", 1, said), Plain("c", 1, said))
    assert await stage.exchange(Plain("a", 1, said), Plain("b", 2, said), Plain("d", 1, said)) == ["b", "c", "d"]
    assert said[:3] == ["+a1", "+b1", "+c1"]
    assert sorted(said[3:]) == ["+b2", "+d1", "-b1", "-c1"]
    assert said.index("-b1") < said.index("+b2")
    assert [(one.name, one.source.basis) for one in stage.fleet] == [("a", 1), ("b", 2), ("d", 1)]
    await stage.end()
    assert sorted(said[-3:]) == ["-a1", "-b2", "-d1"]


async def test_two_of_one_name_never_run_at_once_and_one_that_was_overtaken_never_runs() -> None:
    said: list[str] = []
    busy = asyncio.Event()
    stage = Stage(Plain("a", 1, said, busy))
    await stage.exchange(Plain("a", 2, said))
    await stage.exchange(Plain("a", 3, said))
    assert said == ["+a1"]
    busy.set()
    await settle()
    assert said == ["+a1", "-a1", "+a3"]
    await stage.end()


async def test_one_that_goes_and_comes_back_while_it_is_busy() -> None:
    said: list[str] = []
    busy = asyncio.Event()
    stage = Stage(Plain("a", 1, said, busy))
    assert await stage.exchange() == ["a"]
    assert list(stage.fleet) == []
    busy.set()
    await settle()
    assert await stage.exchange(Plain("a", 1, said)) == ["a"]
    assert said == ["+a1", "-a1", "+a1"]
    await stage.end()


async def test_one_that_comes_back_waits_until_the_one_of_before_has_stopped() -> None:
    """Two of a feed would deliver its changes twice at once, and the later would set the cursor of the earlier back."""
    said: list[str] = []
    busy = asyncio.Event()
    stage = Stage(Plain("a", 1, said, busy))
    await stage.exchange()
    await stage.exchange(Plain("a", 2, said))
    assert said == ["+a1"]
    assert await stage.exchange() == ["a"]
    await stage.exchange(Plain("a", 3, said))
    assert [one.source.basis for one in stage.fleet] == [3]
    busy.set()
    await settle()
    assert said == ["+a1", "-a1", "+a3"]
    await stage.end()


class Heard(Plain):
    """Has an address from before it runs."""

    async def bind(self) -> None:
        self._said.append(f"bound {self.basis}")

    async def close(self) -> None:
        self._said.append(f"closed {self.basis}")


async def test_what_listens_is_back_at_once_whatever_the_one_of_before_has_to_finish() -> None:
    said: list[str] = []
    busy = asyncio.Event()
    stage = Stage(Heard("http", 1, said, busy))
    await stage.exchange()
    await stage.exchange(Heard("http", 2, said))
    assert said == ["+http1", "+http2"]
    busy.set()
    await stage.end()


@pytest.mark.parametrize("wanted", [(), (2,)])
async def test_an_address_of_one_that_will_not_run_is_given_back(wanted: tuple[int, ...]) -> None:
    said: list[str] = []
    fleet = Fleet([Heard("http", 1, said)], clock=VirtualClock(), metrics=Metrics())
    fleet.exchange(fleet.plan([Heard("http", basis, said) for basis in wanted]))
    stop = asyncio.Event()
    task = asyncio.create_task(fleet.run(MemoryOutlet(), stop))
    await settle()
    assert said == ["closed 1", *(f"+http{basis}" for basis in wanted)]
    stop.set()
    await task


async def test_a_successor_takes_over_without_a_stop() -> None:
    said: list[str] = []
    stage = Stage(Becoming("http", 1, said))
    assert await stage.exchange(Becoming("http", 2, said)) == ["http"]
    assert said == ["+http1", "prepared 2 after 1"]
    assert [one.source.basis for one in stage.fleet] == [2]
    await stage.end()
    assert said[-1] == "-http2"


async def test_one_that_cannot_is_stopped_and_the_next_started() -> None:
    said: list[str] = []
    first = Becoming("http", 1, said)
    first.able = False
    stage = Stage(first)
    await stage.exchange(Becoming("http", 2, said))
    assert said == ["+http1", "-http1", "+http2"]
    await stage.end()


async def test_what_cannot_be_prepared_changes_nothing() -> None:
    said: list[str] = []
    stage = Stage(Becoming("http", 1, said), Plain("a", 1, said))
    refusing = Becoming("http", 2, said)
    refusing.refusing = True
    with pytest.raises(SourceError):
        await stage.exchange(refusing, Plain("a", 2, said))
    assert said == ["+http1", "+a1"]
    await stage.end()


async def test_before_it_runs_and_after_it_has_stopped_an_exchange_is_only_a_plan() -> None:
    said: list[str] = []
    fleet = Fleet([Plain("a", 1, said)], clock=VirtualClock(), metrics=Metrics())
    fleet.exchange(fleet.plan([Plain("a", 2, said), Plain("b", 1, said)]))
    stop = asyncio.Event()
    task = asyncio.create_task(fleet.run(MemoryOutlet(), stop))
    await settle()
    assert sorted(said) == ["+a2", "+b1"]
    stop.set()
    await task
    fleet.exchange(fleet.plan([Plain("c", 1, said)]))
    await settle()
    assert sorted(said[2:]) == ["-a2", "-b1"]
