"""How many requests a turn of the loop begins, without a socket: no more than some, in their order, and none is forgotten."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Listen
from router.telemetry.metrics import Metrics
from router.web import Limits, Listener, Request, Response
from router.web.connection import Connection
from tests.helpers.clock import VirtualClock
from tests.unit.web.test_connection import Transport

ABREAST = 6


class House:
    """A listener whose handlers say in which turn of the loop they began."""

    def __init__(self, connections: int = 1000) -> None:
        self.began: list[tuple[int, str]] = []  # turn, target
        self.turn = 0
        self.release = asyncio.Event()
        limits = Limits(connections=connections, per_address=connections)
        clock, metrics = VirtualClock(), Metrics()
        self.listener = Listener("test", Listen("off"), self.handle, clock=clock, metrics=metrics, limits=limits, abreast=ABREAST)
        self.transports: list[Transport] = []

    async def handle(self, request: Request) -> Response:
        self.began.append((self.turn, request.target))
        await self.release.wait()
        return Response(200, (), b"ok")

    def ask(self, count: int) -> None:
        """That many clients send a request each, all at once."""
        for number in range(len(self.transports), len(self.transports) + count):
            connection, transport = Connection(self.listener), Transport()
            self.transports.append(transport)
            connection.connection_made(transport)  # type: ignore[arg-type]
            connection.data_received(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)

    async def turns(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)
            self.turn += 1

    @property
    def answered(self) -> int:
        return sum(transport.written.endswith(b"ok") for transport in self.transports)


@given(st.lists(st.integers(min_value=0, max_value=3 * ABREAST), max_size=8))
def test_requests_begin_in_order_and_some_in_a_turn(arriving: list[int]) -> None:
    async def run() -> None:
        house = House()
        for count in arriving:
            house.ask(count)
            await house.turns(1)
        await house.turns(sum(arriving) // ABREAST + 2)
        assert [target for _, target in house.began] == [f"/{number}" for number in range(sum(arriving))]
        turns = [turn for turn, _ in house.began]
        assert all(turns.count(turn) <= ABREAST for turn in turns)
        house.release.set()
        await house.turns(sum(arriving) + 3)
        assert house.answered == sum(arriving)

    asyncio.run(run())


async def test_a_few_requests_wait_for_no_turn_but_that_of_their_task() -> None:
    house = House()
    house.ask(ABREAST)
    await house.turns(1)
    assert [turn for turn, _ in house.began] == [0] * ABREAST


async def test_a_slow_handler_holds_up_nobody() -> None:
    house = House()
    house.ask(10 * ABREAST)
    await house.turns(10)
    assert (len(house.began), house.answered) == (10 * ABREAST, 0)
    house.release.set()
    await house.turns(3)


class Full(Transport):
    """Its client takes nothing of what is written."""

    connection: Connection

    def write(self, data: bytes) -> None:
        super().write(data)
        self.connection.pause_writing()


async def test_answers_that_nobody_takes_count_whole_and_the_oldest_are_dropped_before_the_next_sweep() -> None:
    size, clock = 1_000_000, VirtualClock()

    async def handle(_: Request) -> Response:
        return Response(200, (), bytes(size))

    listener = Listener("test", Listen("off"), handle, clock=clock, metrics=Metrics(), limits=Limits(held_bytes=8 * size))
    transports = []
    for _ in range(20):
        connection, transport = Connection(listener), Full()
        transport.connection = connection
        transports.append(transport)
        connection.connection_made(transport)  # type: ignore[arg-type]
        connection.data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert connection.holds >= size
        await clock.advance(0.01)
    closed = [transport.closed for transport in transports]
    assert closed == sorted(closed, reverse=True)
    assert 8 <= closed.count(True) < 20
    connection.resume_writing()
    assert connection.holds == 0
    await listener.close()


async def test_a_drain_waits_for_requests_that_wait_for_a_turn() -> None:
    house = House()
    house.ask(3 * ABREAST)
    draining = asyncio.create_task(house.listener.drain())
    await house.turns(1)
    house.release.set()
    await house.turns(8)
    for transport, connection in zip(house.transports, tuple(house.listener.door.inside), strict=True):
        assert transport.closed
        connection.connection_lost(None)
    await draining
    assert house.answered == 3 * ABREAST


async def test_a_drain_in_which_it_was_quiet_for_a_moment_waits_for_who_came_then() -> None:
    house = House()
    house.ask(1)
    await house.turns(1)
    draining = asyncio.create_task(house.listener.drain())
    house.release.set()
    await house.turns(2)
    assert house.answered == 1
    (first,) = house.listener.door.inside
    first.connection_lost(None)
    house.release.clear()
    house.ask(1)  # accepted before the drain began
    (second,) = house.listener.door.inside
    await house.turns(20)
    assert not draining.done()
    house.release.set()
    await house.turns(2)
    assert house.answered == 2
    second.connection_lost(None)
    await draining


async def test_requests_that_wait_for_a_turn_count_as_under_way() -> None:
    house = House(connections=ABREAST)
    for _ in range(3):  # clients that ask and leave at once
        house.ask(ABREAST)
        for connection in tuple(house.listener.door.inside):
            connection.connection_lost(None)
    assert len(house.listener.runners.running) + len(house.listener.runners.waiting) == 2 * ABREAST
    assert b"503" in house.transports[-1].written
    await house.listener.close()
    house.release.set()


async def test_what_waits_for_a_turn_is_dropped_with_the_listener_and_another_start_begins_anew() -> None:
    house = House()
    house.ask(2 * ABREAST)
    await house.listener.close()
    await house.turns(3)
    assert house.began == []
    house.ask(1)
    await house.turns(1)
    assert len(house.began) == 1
    house.release.set()
    await house.turns(3)


async def test_who_waits_for_what_is_served_now_does_not_wait_for_what_comes_later() -> None:
    house = House()
    assert house.listener.settled().done(), "nothing is served"
    house.ask(2)
    await house.turns(2)
    settled, again = house.listener.settled(), house.listener.settled()
    first = house.release
    house.release = asyncio.Event()
    house.ask(1)  # before anybody awaits it
    await house.turns(2)
    assert not settled.done()
    first.set()
    await house.turns(3)
    assert (settled.done(), again.done(), house.answered) == (True, True, 2)
    last = house.listener.settled()
    await house.listener.close()
    assert last.done(), "nobody waits for ever"
