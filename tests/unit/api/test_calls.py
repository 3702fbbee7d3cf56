"""What the daemon says of itself: functions, also removed ones, what is wrong, and dead letters by the hundred."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.api import history
from router.api.calls import Calls, served_at
from router.api.history import Wanted
from router.config.document import parsed
from router.config.types import Function, Names
from router.errors import EventNotFound, FunctionNotFound, InvalidParameter, InvalidRequestContent
from router.journal.base import Query
from router.model import Envelope
from router.sources import TRIGGERS
from tests.helpers.clock import settle
from tests.unit.api.bench import FAILED, Bench


async def test_ps_counts_what_is_queued_dead_and_failed() -> None:
    bench = Bench(FAILED)
    await bench.dead("f")
    await bench.emit("f")
    await bench.emit("f")
    f, g = await bench.calls.ps()
    assert (f["function"], f["queued"], f["dead"], f["errors"], f["environments"], f["running"]) == ("f", 2, 1, 3, 2, 0)
    assert (g["function"], g["queued"], g["dead"], g["errors"], g["environments"]) == ("g", 0, 0, 0, 0)
    assert f["runtime"].startswith("python3.")


async def test_a_removed_functions_events_are_kept_and_reported() -> None:
    bench = Bench()
    await bench.journal.append(Envelope("gone", b"{}", "invoke"))
    await bench.work(3600)
    row = (await bench.calls.ps())[-1]
    assert (row["function"], row["runtime"], row["queued"], row["dead"]) == ("gone", "not in the config", 1, 0)
    assert set(row) == set((await bench.calls.ps())[0])
    assert bench.pool.seen == []


async def test_urls_are_those_of_the_bound_listener() -> None:
    bench = Bench()
    assert (await bench.calls.ps())[0]["urls"] == []
    http = bench.sources[0]
    http._listener.addresses = ("127.0.0.1:8080",)
    assert (await bench.calls.ps())[0]["urls"] == ["POST http://127.0.0.1:8080/images/{id}"]
    assert bench.calls.status()["listeners"] == {"http": "http://127.0.0.1:8080"}
    bench.calls.listeners["console"] = ()
    assert "console" not in bench.calls.status()["listeners"], "it is off"


async def test_not_ready_until_every_source_is_attached() -> None:
    bench = Bench()
    status = bench.calls.status()
    assert not status["ready"]
    assert status["problems"] == bench.calls.problems()
    assert any(problem.startswith("http: ") for problem in status["problems"])
    for source in bench.sources:
        source.health = lambda: ""
    status = bench.calls.status()
    assert (status["ready"], status["problems"]) == (True, [])
    assert {row["health"] for row in status["sources"]} == {"ok"}
    assert (status["pid"], status["config"], status["started"]) == (4242, "/c/config.yaml", "2026-09-21T14:13:20.000Z")


async def test_all_dead_letters_are_redriven_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PAGE", 2)
    bench = Bench()
    dead = [await bench.dead() for _ in range(5)]
    assert await bench.calls.history.redrive(Wanted(everything=True)) == 5
    assert {(await bench.row(event_id)).state for event_id in dead} == {"queued"}
    assert await bench.calls.history.redrive(Wanted(everything=True)) == 0


async def test_a_redrive_ends_though_what_it_redrives_is_dead_again_at_once() -> None:
    bench = Bench()
    dead = [await bench.dead() for _ in range(3)]
    seen: list[str] = []

    async def in_vain(ids: Sequence[str]) -> int:
        seen.extend(ids)
        assert len(seen) <= 3
        return len(ids)

    bench.journal.redrive = in_vain  # type: ignore[method-assign]
    assert await bench.calls.history.redrive(Wanted(everything=True)) == 3
    assert sorted(seen) == sorted(dead)


async def test_ids_win_over_a_function() -> None:
    bench = Bench()
    one, other = await bench.dead(), await bench.dead()
    assert await bench.calls.history.redrive(Wanted([one], "f", everything=True)) == 1
    assert [(await bench.row(event_id)).state for event_id in (one, other)] == ["queued", "dead"]


async def test_a_page_behind_an_event_that_there_is_not_is_refused() -> None:
    bench = Bench()
    one, other = await bench.dead(), await bench.dead()
    assert [row["id"] for row in await bench.calls.history.events(Query(before=other))] == [one]
    with pytest.raises(EventNotFound, match="nobody"):
        await bench.calls.history.events(Query(before="nobody"))


async def test_of_events_that_are_named_all_are_done_or_none() -> None:
    bench = Bench()
    one, other = await bench.dead(), await bench.dead()
    for unknown in ([one, "nobody", other], [one, other, "nobody"]):
        with pytest.raises(EventNotFound):
            await bench.calls.history.redrive(Wanted(unknown))
        with pytest.raises(EventNotFound):
            await bench.calls.history.replay(unknown, "")
    assert [row.state for row in await bench.journal.list(Query())] == ["dead", "dead"]
    assert len(await bench.calls.history.replay([one, other], "")) == 2
    assert await bench.calls.history.redrive(Wanted([one, other, one])) == 2


async def test_events_that_cannot_be_are_refused() -> None:
    calls = Bench().calls
    with pytest.raises(FunctionNotFound):
        await calls.emit("nobody", b"{}")
    with pytest.raises(InvalidRequestContent):
        await calls.invoke("f", b"{")
    with pytest.raises(InvalidParameter):
        await calls.history.redrive(Wanted())


async def test_a_house_without_schedules_says_so() -> None:
    bench = Bench()
    bench.calls._parts.supervisors[:] = []  # type: ignore[index]
    with pytest.raises(InvalidParameter, match="the config has none"):
        await bench.calls.run_schedule("f-1")
    assert bench.calls.schedules() == await bench.calls.feeds() == []
    await settle()


@pytest.mark.parametrize(
    ("yaml", "urls"),
    [
        ("{http: {route: 'GET /x', api: rest, base_path: /v1}}", ["GET http://127.0.0.1:8080/v1/x"]),
        ("{http: $default}", ["ANY http://127.0.0.1:8080"]),
        ("{url: none}", ["ANY http://f.lambda-url.eu-west-1.localhost:8080/", "ANY http://127.0.0.1:8080/_url/f/"]),
        ("{webhook: {path: '/hooks/{who}', provider: github, secret: 0123456789abcdef}}", ["POST http://127.0.0.1:8080/hooks/{who}"]),
        ("{schedule: rate(1 minute)}", []),
    ],
)
def test_every_trigger_of_the_listener_is_told_with_its_place(yaml: str, urls: list[str]) -> None:
    _, root = parsed(f"{yaml}\n", Path("config.yaml"), {})
    ((word, node),) = root.items()
    trigger = TRIGGERS[word].read(node, Names({}, {}))
    assert list(served_at(trigger, Function("f", Path("/code"), "app.handler"), "eu-west-1", "127.0.0.1:8080")) == urls


# what may be a payload -------------------------------------------------------------------------------------------------------

_TEXTS = st.text() | st.text(alphabet='{}[]":,\\u0dF8eE+-.19 \ntrufalsnNI\ud800\x00', max_size=12)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()), st.lists).map(json.dumps) | _TEXTS)
@example('"\\ud800"').via("a lone surrogate as an escape is JSON to Lambda")
@example("\ufeff{}")
@example("1e999")
@example("1" * 400)
def test_a_payload_is_taken_when_the_strict_decoder_takes_it(text: str) -> None:
    def refuse(name: str) -> None:
        raise ValueError(name)

    payload = text.encode("utf-8", "surrogatepass")
    try:
        json.JSONDecoder(parse_constant=refuse).decode(payload.decode())
        expected = True
    except (ValueError, RecursionError):
        expected = False
    try:
        Calls.check(payload)
        taken = True
    except InvalidRequestContent:
        taken = False
    assert taken == expected
