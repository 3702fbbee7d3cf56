"""What every journal promises (router/journal/base.py), on virtual time."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from router.clock import Clock
from router.errors import EventNotFound, InvalidParameter, JournalError, LeaseLost
from router.journal import JOURNALS
from router.journal.base import Journal, Query
from router.journal.database import Database
from router.model import Delivery, Envelope, State
from tests.helpers.clock import VirtualClock
from tests.helpers.slots import lane


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(params=sorted(JOURNALS))
async def journal(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Journal]:
    database = await Database.open(tmp_path / "journal.db")
    opened = await JOURNALS[request.param](database, clock)
    yield opened
    await opened.close()
    await database.close()


def envelope(function: str = "f", **over: Any) -> Envelope:
    return Envelope(function, **{"payload": b'{"a":1}', "source": "test", **over})


def anything(_: str) -> int:
    return 1000


async def lease(journal: Journal, limit: int = 10) -> list[Delivery]:
    return await journal.lease(limit, wait=0, room=anything)


async def one(journal: Journal) -> Delivery:
    (delivery,) = await lease(journal)
    return delivery


async def waiting(clock: VirtualClock) -> None:
    """Let a lease() come to the point where it waits for the clock."""
    while not clock.sleepers:
        await asyncio.to_thread(bool)  # a turn for the threads too


async def row_of(journal: Journal, event: Envelope) -> Any:
    return (await journal.find(event.request_id)).row


# --- append


async def test_what_is_appended_is_leased_as_it_was(journal: Journal, clock: VirtualClock) -> None:
    sent = envelope(payload=bytes(range(256)), source="s3:uploads", sequencer="0A", shard="key ü\n%2e")
    assert await journal.append(sent) is True
    delivery = await one(journal)
    assert delivery.envelope == sent
    assert (delivery.attempt, delivery.failures, delivery.throttles, delivery.created) == (1, 0, 0, clock.now())


async def test_one_event_for_each_function_source_shard_and_sequencer(journal: Journal) -> None:
    first = envelope(sequencer="7")
    assert await journal.append(first)
    assert not await journal.append(envelope(sequencer="7"))
    assert not await journal.append(first)
    for other in ({"function": "g"}, {"source": "elsewhere"}, {"shard": "x"}, {"sequencer": "8"}):
        assert await journal.append(envelope(**{"sequencer": "7", **other}))
    assert len(await journal.list(Query())) == 5


async def test_fields_that_run_together_are_not_alike(journal: Journal) -> None:
    assert await journal.append(envelope(source="ab", shard="c", sequencer="d"))
    assert await journal.append(envelope(source="a", shard="bc", sequencer="d"))


async def test_a_known_event_stays_known_when_it_has_finished(journal: Journal) -> None:
    await journal.append(envelope(sequencer="7"))
    await journal.ack(await one(journal))
    assert not await journal.append(envelope(sequencer="7"))


async def test_without_a_sequencer_nothing_is_alike(journal: Journal) -> None:
    assert await journal.append(envelope())
    assert await journal.append(envelope())


async def test_two_events_cannot_have_one_id(journal: Journal) -> None:
    first = envelope()
    await journal.append(first)
    for sequencer in ("", "7"):  # one that is not known yet is refused, not taken for known: it would be lost
        with pytest.raises(InvalidParameter, match=first.request_id):
            await journal.append(envelope(request_id=first.request_id, sequencer=sequencer))
    assert len(await journal.list(Query())) == 1


async def test_duplicates_and_collisions_among_many_at_once(journal: Journal) -> None:
    same = envelope(request_id="one-id")
    sent = [envelope(sequencer=str(n % 50)) for n in range(100)] + [same, envelope(request_id="one-id")]
    answers = await asyncio.gather(*map(journal.append, sent), return_exceptions=True)
    assert answers[:50] == [True] * 50
    assert answers[50:100] == [False] * 50
    assert answers[100] is True
    assert isinstance(answers[101], InvalidParameter)
    assert (await journal.counts())["f"] == {State.QUEUED: 51}
    assert {d.envelope.request_id for d in await lease(journal, 200)} == {*(e.request_id for e in sent[:50]), "one-id"}


async def test_many_are_appended_together_with_what_stands_beside_them(journal: Journal) -> None:
    await journal.append(envelope(sequencer="2"))
    sent = [envelope(sequencer=str(n)) for n in range(4)] + [envelope("g", shard="lane")]

    def beside(connection: apsw.Connection) -> None:
        connection.execute("CREATE TABLE beside (x)")

    assert await journal.append_all(sent, beside) == [True, True, False, True, True]
    with pytest.raises(Exception, match="beside"):
        await journal.append_all([envelope("h")], beside)  # the table is there already
    assert await journal.append_all([], None) == []
    assert len(await lease(journal, 20)) == 5


async def test_an_end_and_what_stands_beside_it_are_recorded_together_or_not_at_all(journal: Journal) -> None:
    done: list[int] = []
    await journal.append_all([envelope(), envelope(), envelope()])
    first, second, third = await lease(journal)
    await journal.ack(first, beside=lambda _: done.append(1))
    await journal.bury(second, State.DEAD, error="no", beside=lambda _: done.append(2))
    for again in (
        journal.ack(first, beside=lambda _: done.append(3)),
        journal.bury(second, State.DEAD, error="", beside=lambda _: done.append(4)),
    ):
        with pytest.raises(LeaseLost):
            await again
    await journal.ack(third)
    assert done == [1, 2]


async def test_a_trace_is_kept(journal: Journal) -> None:
    sent = envelope(trace="Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=ab:1")
    await journal.append(sent)
    delivery = await one(journal)
    await journal.retry(delivery, delay=0, error="no")
    assert (await one(journal)).envelope == sent


async def test_of_many_none_is_appended_when_one_cannot_be(journal: Journal) -> None:
    await journal.append(envelope(request_id="taken"))
    with pytest.raises(InvalidParameter):
        await journal.append_all([envelope("g"), envelope("g", request_id="taken"), envelope("g")])
    assert (await journal.counts()).get("g", {}) == {}
    assert [row.function for row in await journal.list(Query())] == ["f"]
    assert await journal.append_all([envelope("g")]) == [True]
    assert len(await lease(journal)) == 2


# --- lease


async def test_no_work_is_an_empty_lease(journal: Journal) -> None:
    assert await lease(journal) == []


async def test_a_lease_waits_its_time_and_no_longer(journal: Journal, clock: VirtualClock) -> None:
    task = asyncio.create_task(journal.lease(1, wait=5, room=anything))
    await waiting(clock)
    await clock.advance(4.5)
    assert not task.done()
    await clock.advance(1)
    assert await task == []


async def test_an_append_wakes_a_waiting_lease(journal: Journal, clock: VirtualClock) -> None:
    task = asyncio.create_task(journal.lease(1, wait=60, room=anything))
    await waiting(clock)
    await journal.append(envelope())
    assert len(await task) == 1


async def test_the_oldest_comes_first(journal: Journal, clock: VirtualClock) -> None:
    sent = []
    for _ in range(5):
        sent.append(envelope())
        await journal.append(sent[-1])
        await clock.advance(1)
    leased = await lease(journal, 3) + await lease(journal, 3)
    assert [d.envelope for d in leased] == sent


async def test_functions_are_served_in_turn(journal: Journal) -> None:
    for function, count in {"a": 50, "b": 2, "c": 5}.items():
        for _ in range(count):
            await journal.append(envelope(function))
    turns = "".join([d.envelope.function for _ in range(4) for d in await lease(journal, 4)])
    assert turns == "abcabcacacacaaaa"


async def test_a_lease_goes_on_behind_the_function_that_was_served_last(journal: Journal) -> None:
    for function in "abc":
        for _ in range(3):
            await journal.append(envelope(function))
    assert "".join([(await lease(journal, 1))[0].envelope.function for _ in range(9)]) == "abcabcabc"


async def test_no_more_of_a_function_than_there_is_room(journal: Journal, clock: VirtualClock) -> None:
    for function in ("a", "a", "a", "b", "b"):
        await journal.append(envelope(function))
    free = {"a": 2, "b": 0}
    leased = await journal.lease(10, wait=0, room=free.__getitem__)
    assert [d.envelope.function for d in leased] == ["a", "a"]
    free["a"] = 0
    task = asyncio.create_task(journal.lease(10, wait=60, room=free.__getitem__))
    await waiting(clock)
    free["b"] = 1
    journal.nudge()
    assert [d.envelope.function for d in await task] == ["b"]


async def test_what_is_refused_stays_first_in_its_line_and_nothing_of_it_is_recorded(journal: Journal) -> None:
    """Functions that share slots are told of the same room."""
    sent = [envelope(function) for function in "aabbc"]
    for event in sent:
        await journal.append(event)
    leased = await journal.lease(10, wait=0, room=lambda _: 2, take=lane(3))
    assert [d.envelope for d in leased] == [sent[0], sent[2], sent[4], sent[1]]
    row = (await journal.find(sent[3].request_id)).row
    assert (row.state, row.attempts) == (State.QUEUED, 0)
    assert [d.attempt for d in await lease(journal)] == [1]


async def test_room_is_asked_once_a_function(journal: Journal) -> None:
    await journal.append(envelope("a"))
    await journal.append(envelope("b"))
    asked: list[str] = []
    assert len(await journal.lease(10, wait=0, room=lambda name: asked.append(name) or 5)) == 2
    assert sorted(asked) == ["a", "b"]


async def test_several_leases_at_once_share_the_work(journal: Journal) -> None:
    tasks = [asyncio.create_task(journal.lease(7, wait=60, room=anything)) for _ in range(4)]
    await asyncio.gather(*(journal.append(envelope()) for _ in range(100)))
    leased = [d for task in tasks for d in await task]
    while rest := await lease(journal):
        leased += rest
    assert len({d.id for d in leased}) == len(leased) == 100


async def test_a_cancelled_lease_keeps_nothing(journal: Journal) -> None:
    await journal.append(envelope())
    for turns in range(8):
        task = asyncio.create_task(lease(journal))
        for _ in range(turns):
            await asyncio.to_thread(bool)  # a turn for the threads too
        task.cancel()
        result = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(result, list):
            for delivery in result:
                await journal.release(delivery, delay=0)
    assert len(await journal.lease(1, wait=60, room=anything)) == 1


# --- settle


async def test_success_is_terminal(journal: Journal, clock: VirtualClock) -> None:
    sent = envelope()
    await journal.append(sent)
    await clock.advance(3)
    await journal.ack(await one(journal))
    row = await row_of(journal, sent)
    assert (row.state, row.attempts, row.due, row.finished, row.error) == (State.SUCCEEDED, 1, None, clock.now(), "")
    assert await lease(journal) == []


async def test_a_retry_comes_back_after_its_delay_with_its_history(journal: Journal, clock: VirtualClock) -> None:
    sent = envelope()
    await journal.append(sent)
    await journal.retry(await one(journal), delay=60, error='{"errorMessage":"no"}')
    row = await row_of(journal, sent)
    assert (row.state, row.attempts, row.error) == (State.RETRYING, 1, '{"errorMessage":"no"}')
    assert row.due == pytest.approx(clock.now() + 60, abs=1e-3)
    task = asyncio.create_task(journal.lease(1, wait=1000, room=anything))
    await waiting(clock)
    await clock.advance(59)
    assert not task.done()
    await clock.advance(1)
    (again,) = await task
    assert (again.envelope, again.attempt, again.failures) == (sent, 2, 1)
    await journal.retry(again, delay=1, error="twice")
    found = await journal.find(sent.request_id)
    assert [(a.number, a.error) for a in found.attempts] == [(1, '{"errorMessage":"no"}'), (2, "twice")]
    assert found.attempts[0].at == clock.now() - 60


async def test_a_release_spends_no_failure(journal: Journal, clock: VirtualClock) -> None:
    sent = envelope()
    await journal.append(sent)
    await journal.release(await one(journal), delay=2, reason="no slot")
    row = await row_of(journal, sent)
    assert (row.state, row.error) == (State.QUEUED, "no slot")
    await clock.advance(2)
    again = await one(journal)
    assert (again.attempt, again.failures, again.throttles) == (2, 0, 1)
    await journal.release(again, delay=0)
    again = await one(journal)
    assert again.throttles == 2
    await journal.retry(again, delay=0, error="failed")
    again = await one(journal)
    assert (again.failures, again.throttles) == (1, 0)
    await journal.release(again, delay=5)
    assert (await row_of(journal, sent)).state is State.RETRYING
    assert (await journal.find(sent.request_id)).attempts[0].number == 3


@pytest.mark.parametrize("state", [State.DEAD, State.EXPIRED, State.DISCARDED])
async def test_buried_is_terminal_and_says_why(journal: Journal, clock: VirtualClock, state: State) -> None:
    sent = envelope()
    await journal.append(sent)
    await journal.bury(await one(journal), state, error="that is why")
    found = await journal.find(sent.request_id)
    assert (found.row.state, found.row.finished, found.row.error) == (state, clock.now(), "that is why")
    assert [a.error for a in found.attempts] == ["that is why"]
    assert await lease(journal) == []


@pytest.mark.parametrize("first", ["ack", "retry", "release", "bury"])
async def test_a_delivery_is_settled_once(journal: Journal, first: str) -> None:
    await journal.append(envelope())
    delivery = await one(journal)
    ways = {
        "ack": lambda: journal.ack(delivery),
        "retry": lambda: journal.retry(delivery, delay=0, error="e"),
        "release": lambda: journal.release(delivery, delay=0),
        "bury": lambda: journal.bury(delivery, State.DEAD, error="e"),
    }
    await ways[first]()
    await lease(journal)  # a second attempt runs, where there is one
    before = await row_of(journal, delivery.envelope)
    for way in ways.values():
        with pytest.raises(LeaseLost):
            await way()
    assert await row_of(journal, delivery.envelope) == before


async def test_of_two_settlements_at_once_one_wins(journal: Journal) -> None:
    await journal.append(envelope())
    delivery = await one(journal)
    answers = await asyncio.gather(journal.ack(delivery), journal.bury(delivery, State.DEAD, error="e"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), LeaseLost]


async def test_an_error_of_any_text_is_kept(journal: Journal) -> None:
    await journal.append(envelope())
    delivery = await one(journal)
    await journal.retry(delivery, delay=0, error='"\x00\x1b[31m \U0001f4a5')
    assert (await row_of(journal, delivery.envelope)).error == '"\x00\x1b[31m \U0001f4a5'
    await journal.bury(await one(journal), State.DEAD, error="half \ud800")
    assert (await row_of(journal, delivery.envelope)).error == "half ?"


# --- shards


async def test_a_shard_runs_one_after_another(journal: Journal) -> None:
    sent = [envelope(shard="k", payload=str(n).encode()) for n in range(3)]
    for event in sent:
        await journal.append(event)
    assert (await row_of(journal, sent[1])).due is None
    for event in sent:
        delivery = await one(journal)
        assert delivery.envelope == event
        assert await lease(journal) == []
        await journal.ack(delivery)
    assert await lease(journal) == []


async def test_the_head_of_a_shard_holds_the_others_back_while_it_retries(journal: Journal, clock: VirtualClock) -> None:
    first, second = envelope(shard="k"), envelope(shard="k")
    await asyncio.gather(journal.append(first), journal.append(second))
    await journal.retry(await one(journal), delay=60, error="e")
    assert await lease(journal) == []
    await clock.advance(60)
    await journal.release(await one(journal), delay=5)
    assert await lease(journal) == []
    await clock.advance(5)
    again = await one(journal)
    assert again.envelope == first
    await journal.bury(again, State.DEAD, error="e")
    assert (await one(journal)).envelope == second


async def test_shards_do_not_hold_each_other_back(journal: Journal) -> None:
    lanes = [
        {"shard": "a"},
        {"shard": "b"},
        {"shard": "a", "source": "other"},
        {"shard": "a", "function": "g"},
        {"shard": ""},
        {"shard": ""},
    ]
    for facts in lanes:
        await journal.append(envelope(**facts))
    assert len(await lease(journal)) == len(lanes)


async def test_the_next_of_a_shard_wakes_a_waiting_lease(journal: Journal, clock: VirtualClock) -> None:
    await journal.append(envelope(shard="k"))
    await journal.append(envelope(shard="k"))
    head = await one(journal)
    task = asyncio.create_task(journal.lease(1, wait=60, room=anything))
    await waiting(clock)
    await journal.ack(head)
    assert len(await task) == 1


async def test_many_shards_acknowledged_at_once_all_go_on(journal: Journal) -> None:
    for turn in range(3):
        await asyncio.gather(*(journal.append(envelope(shard=str(lane), sequencer=f"{turn}")) for lane in range(40)))
    for turn in range(3):
        deliveries = await lease(journal, 100)
        assert sorted(int(d.envelope.shard) for d in deliveries) == list(range(40))
        assert {d.envelope.sequencer for d in deliveries} == {str(turn)}
        await asyncio.gather(*map(journal.ack, deliveries))


async def test_a_redriven_event_goes_behind_its_shard(journal: Journal) -> None:
    dead, running, queued = (envelope(shard="k") for _ in range(3))
    await journal.append(dead)
    await journal.bury(await one(journal), State.DEAD, error="e")
    await journal.append(running)
    await journal.append(queued)
    head = await one(journal)
    await journal.redrive([dead.request_id])
    assert await lease(journal) == []
    order = []
    while True:
        await journal.ack(head)
        order.append(head.envelope)
        rest = await lease(journal)
        if not rest:
            break
        (head,) = rest
    assert order == [running, queued, dead]


# --- find, list, counts


async def test_an_unknown_event_is_not_found(journal: Journal) -> None:
    for call in (journal.find, journal.replay, journal.redrive):
        with pytest.raises(EventNotFound):
            await call("nobody")


async def test_find_gives_payload_and_row(journal: Journal, clock: VirtualClock) -> None:
    sent = envelope(payload=b"x" * 5000, source="s", shard="k")
    await journal.append(sent)
    found = await journal.find(sent.request_id)
    assert found.payload == sent.payload
    row = found.row
    assert (row.id, row.function, row.source, row.shard, row.size) == (sent.request_id, "f", "s", "k", 5000)
    assert (row.state, row.attempts, row.created, row.finished, row.error) == (State.QUEUED, 0, clock.now(), None, "")
    assert row.due == pytest.approx(clock.now(), abs=1e-3)


async def test_the_list_is_newest_first_and_pages_on(journal: Journal, clock: VirtualClock) -> None:
    sent = []
    for _ in range(7):
        sent.append(envelope())
        await journal.append(sent[-1])
        await clock.advance(1)
    newest_first = [e.request_id for e in reversed(sent)]
    pages, before = [], ""
    while page := await journal.list(Query(before=before, limit=3)):
        pages.append([row.id for row in page])
        before = page[-1].id
    assert pages == [newest_first[:3], newest_first[3:6], newest_first[6:]]
    assert await journal.list(Query(before="nobody")) == []
    since = await journal.list(Query(since=clock.now() - 3))
    assert [row.id for row in since] == newest_first[:3]


async def test_the_list_can_be_narrowed(journal: Journal) -> None:
    a, b, c = envelope("a", source="x"), envelope("b", source="x"), envelope("b", source="y")
    for event in (a, b, c):
        await journal.append(event)
    await journal.ack((await journal.lease(1, wait=0, room=lambda name: int(name == "a")))[0])

    async def ids(**over: Any) -> set[str]:
        return {row.id for row in await journal.list(Query(**over))}

    assert await ids(function="b") == {b.request_id, c.request_id}
    assert await ids(source="x") == {a.request_id, b.request_id}
    assert await ids(function="b", source="x") == {b.request_id}
    assert await ids(states=frozenset({State.SUCCEEDED, State.DEAD})) == {a.request_id}
    assert await ids(states=frozenset({State.QUEUED})) == {b.request_id, c.request_id}


async def test_counts_are_of_what_is_unfinished_or_a_dead_letter(journal: Journal) -> None:
    for function in ("a", "a", "a", "b", "b", "b", "c"):
        await journal.append(envelope(function))
    deliveries = await journal.lease(10, wait=0, room={"a": 2, "b": 3, "c": 1}.__getitem__)
    by = {name: [d for d in deliveries if d.envelope.function == name] for name in "abc"}
    await journal.retry(by["a"][0], delay=9, error="e")
    await journal.bury(by["b"][0], State.DEAD, error="e")
    await journal.bury(by["b"][1], State.DISCARDED, error="e")
    await journal.bury(by["b"][2], State.EXPIRED, error="e")
    await journal.ack(by["c"][0])
    unfinished = {State.QUEUED: 1, State.RUNNING: 1, State.RETRYING: 1}
    assert await journal.counts() == {"a": unfinished, "b": {State.DEAD: 1, State.EXPIRED: 1}}
    await journal.redrive([by["b"][2].envelope.request_id])
    assert await journal.counts() == {"a": unfinished, "b": {State.DEAD: 1, State.QUEUED: 1}}


@pytest.mark.parametrize("states", [set(), {State.DEAD}])
async def test_a_list_of_a_function_has_what_came_through_its_versions_and_aliases(journal: Journal, states: set[State]) -> None:
    for target in ("f", "f:live", "f:1", "ff", "g:f", "f_:1"):
        await journal.append(envelope(target))
    for delivery in await lease(journal, 6):
        await journal.bury(delivery, State.DEAD, error="e")

    async def listed(function: str) -> set[str]:
        return {row.function for row in await journal.list(Query(function=function, states=frozenset(states)))}

    assert await listed("f") == {"f", "f:live", "f:1"}
    assert await listed("f:live") == {"f:live"}
    assert await listed("g") == {"g:f"}
    assert await listed("f:none") == set()


@pytest.mark.parametrize("states", [{State.DEAD}, {State.DEAD, State.EXPIRED}, {State.DISCARDED, State.RETRYING}, {State.QUEUED}])
async def test_a_list_of_few_among_many_is_complete(journal: Journal, states: set[State]) -> None:
    """Whichever way the few are found, page by page and of one function too."""
    for n in range(60):
        await journal.append(envelope("ab"[n % 2]))
    for n, delivery in enumerate(await lease(journal, 50)):
        match n % 7:
            case 0 | 1 | 2:
                await journal.bury(delivery, [State.DEAD, State.EXPIRED, State.DISCARDED][n % 7], error="e")
            case 3:
                await journal.retry(delivery, delay=1000, error="e")
            case _:
                await journal.ack(delivery)
    everything = [row for row in await journal.list(Query(limit=1000)) if row.state in states]
    assert everything
    assert await journal.list(Query(states=frozenset(states), limit=1000)) == everything
    of_one = [row for row in everything if row.function == "a"]
    assert await journal.list(Query(function="a", states=frozenset(states), limit=1000)) == of_one
    paged: list[Any] = []
    while page := await journal.list(Query(states=frozenset(states), limit=3, before=paged[-1].id if paged else "")):
        paged += page
    assert paged == everything


# --- replay, redrive, forget


async def test_a_replay_is_a_copy_that_is_no_duplicate(journal: Journal) -> None:
    sent = envelope(sequencer="7", payload=b"same", shard="k")
    await journal.append(sent)
    with pytest.raises(InvalidParameter, match="queued"):
        await journal.replay(sent.request_id)
    await journal.ack(await one(journal))
    first = await journal.replay(sent.request_id)
    second = await journal.replay(sent.request_id, function="g", request_id="mine")
    assert second == "mine"
    assert len({first, second, sent.request_id}) == 3
    copies = {d.envelope.request_id: d for d in await lease(journal)}
    assert {(d.envelope.function, d.envelope.payload, d.attempt) for d in copies.values()} == {("f", b"same", 1), ("g", b"same", 1)}
    assert (await row_of(journal, sent)).state is State.SUCCEEDED


@pytest.mark.parametrize("state", [State.DEAD, State.EXPIRED])
async def test_a_redrive_counts_from_zero_under_the_same_id(journal: Journal, clock: VirtualClock, state: State) -> None:
    sent = envelope(sequencer="7")
    await journal.append(sent)
    await journal.retry(await one(journal), delay=0, error="e")
    last = await one(journal)
    await journal.bury(last, state, error="e")
    await clock.advance(1000)
    await journal.redrive([sent.request_id])
    row = await row_of(journal, sent)
    assert (row.state, row.created, row.finished) == (State.QUEUED, clock.now(), None)
    assert await journal.counts() == {"f": {State.QUEUED: 1}}
    again = await one(journal)
    assert again.envelope == sent
    assert (again.failures, again.throttles, again.created) == (0, 0, clock.now())
    assert again.attempt > last.attempt
    with pytest.raises(LeaseLost):
        await journal.ack(last)
    await journal.retry(again, delay=0, error="third")
    assert [a.error for a in (await journal.find(sent.request_id)).attempts] == ["e", "e", "third"]
    assert not await journal.append(envelope(sequencer="7"))


async def test_only_dead_and_expired_events_are_redriven(journal: Journal) -> None:
    sent = envelope()
    await journal.append(sent)
    for expected in (State.QUEUED, State.RUNNING, State.SUCCEEDED):
        if expected is State.RUNNING:
            delivery = await one(journal)
        if expected is State.SUCCEEDED:
            await journal.ack(delivery)
        with pytest.raises(InvalidParameter, match=expected):
            await journal.redrive([sent.request_id])


async def test_all_that_are_named_are_redriven_or_none(journal: Journal) -> None:
    sent = [envelope() for _ in range(3)]
    await journal.append_all(sent)
    for delivery in await lease(journal):
        await journal.bury(delivery, State.DEAD, error="e")
    ids = [one.request_id for one in sent]
    with pytest.raises(EventNotFound):
        await journal.redrive([*ids, "nobody"])
    assert (await journal.counts())["f"] == {State.DEAD: 3}
    assert await lease(journal) == []
    assert await journal.redrive([ids[2], ids[0], ids[2]]) == 2
    assert await journal.redrive([]) == 0
    assert [delivery.envelope.request_id for delivery in await lease(journal)] == [ids[2], ids[0]]
    with pytest.raises(InvalidParameter, match="running"):
        await journal.redrive([ids[1], ids[0]])
    assert (await journal.counts())["f"] == {State.RUNNING: 2, State.DEAD: 1}


async def test_a_copy_can_be_looked_at_before_it_is_made(journal: Journal) -> None:
    sent = envelope(shard="k")
    await journal.append(sent)
    with pytest.raises(InvalidParameter, match="only a finished one"):
        await journal.copy(sent.request_id)
    await journal.ack(await one(journal))
    copy = await journal.copy(sent.request_id, function="g", request_id="mine")
    assert (copy.function, copy.payload, copy.shard, copy.sequencer, copy.request_id) == ("g", sent.payload, "k", "mine", "mine")
    assert len(await journal.list(Query())) == 1
    with pytest.raises(EventNotFound):
        await journal.copy("nobody")


async def test_a_payload_that_is_not_kept_is_gone_with_the_success(journal: Journal) -> None:
    sent = [envelope(payload=b"x" * 100_000) for _ in range(2)]
    await journal.append_all(sent)
    before = await journal.size()
    for delivery, keep in zip(await lease(journal), (True, False), strict=True):
        await journal.ack(delivery, keep=keep)
    assert [(await journal.find(event.request_id)).payload for event in sent] == [b"x" * 100_000, None]
    assert before - 110_000 < await journal.size() < before - 90_000
    assert await journal.replay(sent[0].request_id)
    with pytest.raises(InvalidParameter, match="its payload was not kept"):
        await journal.replay(sent[1].request_id)


async def test_dead_letters_are_purged_all_or_none(journal: Journal) -> None:
    sent = [envelope() for _ in range(3)]
    ids = [event.request_id for event in sent]
    await journal.append_all(sent)
    dead, expired, done = await lease(journal)
    await journal.bury(dead, State.DEAD, error="")
    await journal.bury(expired, State.EXPIRED, error="")
    await journal.ack(done)
    for wanted, fault in ((ids, InvalidParameter), ([ids[0], "nobody"], EventNotFound)):
        with pytest.raises(fault):
            await journal.purge(wanted)
    assert len(await journal.list(Query())) == 3
    assert await journal.purge([ids[0], ids[1], ids[0]]) == 2
    assert await journal.purge([]) == 0
    assert [row.id for row in await journal.list(Query())] == [ids[2]]
    assert await journal.counts() == {}
    with pytest.raises(EventNotFound):
        await journal.find(ids[0])


async def test_only_old_finished_events_are_forgotten_oldest_first(journal: Journal, clock: VirtualClock) -> None:
    sent = []
    for n in range(250):
        sent.append(envelope(sequencer=str(n)))
        await journal.append(sent[-1])
    for delivery in await lease(journal, 240):
        await clock.advance(0.01)
        await journal.bury(delivery, State.DEAD, error="e")
    line = clock.now()
    await clock.advance(10)
    for delivery in await lease(journal, 5):
        await journal.ack(delivery)
    assert await journal.forget(before=line, limit=200) == 200
    with pytest.raises(EventNotFound):
        await journal.find(sent[199].request_id)
    await journal.find(sent[200].request_id)
    assert (await journal.counts())["f"] == {State.QUEUED: 5, State.DEAD: 40}
    assert await journal.forget(before=line, limit=200) == 39  # the last one finished at the line
    assert await journal.forget(before=line, limit=200) == 0
    assert len(await journal.list(Query(limit=1000))) == 11
    assert await journal.append(envelope(sequencer="0"))  # forgotten is forgotten


async def test_an_events_age_goes_by_no_wall_clock(journal: Journal, clock: VirtualClock) -> None:
    await journal.append(envelope())
    (delivery,) = await lease(journal)
    await clock.advance(100)
    clock.jump(7 * 3600)
    assert 100 <= journal.age(delivery) < 101
    await journal.retry(delivery, delay=10, error="e")
    clock.jump(-14 * 3600)
    await clock.advance(20)
    (delivery,) = await lease(journal)
    assert 120 <= journal.age(delivery) < 122
    await journal.bury(delivery, State.DEAD, error="e")
    await journal.redrive([delivery.envelope.request_id])
    await clock.advance(5)
    (delivery,) = await lease(journal)
    assert 5 <= journal.age(delivery) < 6, "from zero again"


async def test_no_more_are_forgotten_than_come_to_what_is_wanted(journal: Journal, clock: VirtualClock) -> None:
    for n in range(300):
        await journal.append(envelope(sequencer=str(n), payload=b"x" * (10_000 + n)))
    for delivery in await lease(journal, 300):
        await clock.advance(0.01)
        await journal.ack(delivery, keep=delivery.envelope.sequencer != "0")
    later = clock.now() + 1
    assert await journal.forget(before=later, limit=300, worth=0) == 0
    assert await journal.forget(before=later, limit=300, worth=25_000) == 4, "of the first there is no payload any more"
    assert await journal.forget(before=later, limit=300, worth=1) == 1
    assert 140 <= await journal.forget(before=later, limit=300, worth=1_500_000) <= 149
    assert await journal.forget(before=later, limit=20, worth=10**9) == 20
    left = len(await journal.list(Query(limit=1000)))
    assert await journal.forget(before=later, limit=300, worth=10**9) == left


# --- time, closing


@pytest.mark.parametrize("jump", [3600.0, -3 * 3600.0])
async def test_a_jump_of_the_wall_clock_moves_no_retry(journal: Journal, clock: VirtualClock, jump: float) -> None:
    sent = envelope()
    await journal.append(sent)
    await journal.retry(await one(journal), delay=60, error="e")
    clock.jump(jump)
    assert await lease(journal) == []
    assert (await row_of(journal, sent)).due == pytest.approx(clock.now() + 60, abs=1e-3)
    await journal.append(envelope())
    assert len(await lease(journal)) == 1
    await clock.advance(60)
    assert len(await lease(journal)) == 1


async def test_a_closed_journal_refuses(journal: Journal, clock: VirtualClock) -> None:
    waiter = asyncio.create_task(journal.lease(1, wait=60, room=anything))
    await waiting(clock)
    await journal.append(envelope())
    (delivery,) = await waiter
    waiter = asyncio.create_task(journal.lease(1, wait=60, room=anything))
    await waiting(clock)
    await journal.close()
    await journal.close()
    with pytest.raises(JournalError):
        await waiter
    for call in (journal.append(envelope()), journal.ack(delivery), journal.find("x"), journal.list(Query()), journal.counts()):
        with pytest.raises(JournalError):
            await call


async def test_a_large_payload_comes_back_whole(journal: Journal) -> None:
    payload = json.dumps(["x" * 1000] * 1000).encode()
    for _ in range(20):
        await journal.append(envelope(payload=payload))
    leased: list[Delivery] = []
    while batch := await lease(journal, 100):
        leased += batch
    assert [d.envelope.payload for d in leased] == [payload] * 20


async def test_events_are_found_by_what_makes_them_one(journal: Journal) -> None:
    known = envelope(sequencer="1", shard="k")
    other = envelope("g", sequencer="1", shard="k")
    for it in (known, other, envelope(sequencer="2", shard="k"), envelope(shard="k")):
        await journal.append(it)
    asked = [envelope(name, payload=b"", sequencer="1", shard="k") for name in ("f", "g", "h")]
    found = {row.function: row for row in await journal.alike([*asked, envelope(sequencer="1", shard="x"), envelope()])}
    assert {name: row.id for name, row in found.items()} == {"f": known.request_id, "g": other.request_id}
    assert found["f"] == await row_of(journal, known)
    assert await journal.alike([]) == []
    await journal.ack(next(one for one in await lease(journal) if one.envelope.request_id == known.request_id))
    (row,) = await journal.alike(asked[:1])
    assert (row.state, row.finished) == (State.SUCCEEDED, (await row_of(journal, known)).finished)
