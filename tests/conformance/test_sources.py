"""What every source promises, as one suite over SOURCES (the promises: router/sources/base.py, class Source).

The rigs in tests/helpers/rigs.py say how each is configured and made to happen."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from router.sources import SOURCES, TRIGGERS
from tests.helpers.rigs import RIGS, Doors, HttpRig, Rig


@pytest.fixture(params=SOURCES)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with RIGS[request.param](tmp_path).opened() as opened:
        yield opened


def test_every_source_has_a_rig() -> None:
    assert RIGS.keys() == SOURCES.keys()
    assert TRIGGERS.keys() == SOURCES.keys()
    assert all(TRIGGERS[word] in kind.TRIGGERS and TRIGGERS[word].word == word for word, kind in SOURCES.items())


async def test_built_again_from_the_same_config_it_has_the_same_basis(rig: Rig) -> None:
    """A reload that changes nothing for a source leaves it alone; one that changes what it serves does not."""
    (same,) = rig.sources(rig.bindings())
    assert same.basis is not None
    assert rig.source().basis == same.basis
    assert [source.basis for source in rig.sources([replace(binding, qualifier="live") for binding in rig.bindings()])] != [same.basis]


async def test_each_occurrence_reaches_the_outlet_once(rig: Rig) -> None:
    outlet = Doors()
    async with rig.running(outlet) as running:
        happened = [await rig.occur() for _ in range(5)]
        await running.told(*happened)
        happened += [await rig.occur()]
        await running.told(*happened)
        await rig.quiet()
    assert sorted(rig.told(outlet)) == sorted(happened)
    assert outlet.duplicates == []


async def test_every_event_names_its_function_and_where_it_came_from(rig: Rig) -> None:
    outlet = Doors()
    async with rig.running(outlet) as running:
        await running.told(await rig.occur())
    (envelope,) = (*outlet.emitted, *outlet.invoked)
    assert envelope.function == "f"
    assert envelope.source.partition(":")[0] in {trigger.word for trigger in running.source.TRIGGERS}
    assert bool(envelope.sequencer) == bool(outlet.emitted), "what is emitted can be told from another, or it is doubled by a crash"


async def test_what_is_refused_is_tried_again_and_nothing_is_lost(rig: Rig) -> None:
    outlet = Doors()
    async with rig.running(outlet) as running:
        outlet.refusing = 3
        happened = [await rig.occur() for _ in range(4)]
        await running.told(*happened)
        await rig.quiet()
        await rig.drive(lambda: not running.supervisor.health())
    assert outlet.refused == 3
    assert sorted(rig.told(outlet)) == sorted(happened)


async def test_a_client_is_told_when_to_come_back(tmp_path: Path) -> None:
    """A request has nobody but its client to try again: 429 with Retry-After."""
    async with HttpRig(tmp_path).opened() as rig:
        assert isinstance(rig, HttpRig)
        outlet = Doors()
        async with rig.running(outlet) as running:
            outlet.refusing = 2
            number = await rig.occur()
            await running.told(number)
        assert rig.statuses[number] == [429, 429, 200]


async def test_stop_ends_it_with_nothing_half_handled(rig: Rig) -> None:
    outlet = Doors()
    async with rig.running(outlet) as running:
        outlet.gate.clear()
        first = await rig.occur()
        await running.told(first)  # accepted, but emit() or invoke() has not returned
        running.stop.set()
        await rig.quiet()
        assert not running.task.done(), "run() returned while an occurrence was half-handled"
        outlet.gate.set()
        before = rig.clock.monotonic()
        await rig.drive(running.task.done, still=3.0)
        assert rig.clock.monotonic() - before < 5
    async with rig.running(outlet):
        await rig.quiet()
    assert rig.told(outlet) == [first]
    assert outlet.duplicates == [], "it was handled, and handed over again"


async def test_stop_ends_an_idle_source_at_once(rig: Rig) -> None:
    async with rig.running(Doors()) as running:
        await rig.quiet()
        before = rig.clock.monotonic()
        await running.drain()
        assert rig.clock.monotonic() - before < 2


async def test_stop_ends_a_source_that_is_refused(rig: Rig) -> None:
    """Whatever was refused last is found at the next start."""
    outlet = Doors()
    async with rig.running(outlet) as running:
        outlet.refusing = 1_000_000
        happened = await rig.occur()
        await rig.drive(lambda: outlet.refused)
        running.stop.set()
        before = rig.clock.monotonic()
        outlet.refusing = 0 if not rig.remembers else outlet.refusing  # a client that is told 429 comes back until it is served
        await rig.drive(running.task.done, still=3.0)
        assert rig.clock.monotonic() - before < 10
    outlet.refusing = 0
    if rig.remembers:
        async with rig.running(outlet) as running:
            await running.told(happened)
        assert rig.told(outlet) == [happened]


async def test_what_happened_while_it_was_not_running_is_found(rig: Rig) -> None:
    outlet = Doors()
    async with rig.running(outlet) as running:
        before = await rig.occur()
        await running.told(before)
    while_down = [await rig.occur() for _ in range(3)]
    if isinstance(rig, HttpRig):
        await rig.drive(lambda: all(rig.statuses[number] for number in while_down))
        assert [rig.statuses[number] for number in while_down] == [[0], [0], [0]], "nobody listens: the kernel refuses"
        while_down = []
    async with rig.running(outlet) as running:
        after = await rig.occur()
        await running.told(before, *while_down, after)
        await rig.quiet()
    assert sorted(rig.told(outlet)) == sorted([before, *while_down, after])
    assert outlet.duplicates == []


async def test_killed_between_accept_and_record_it_comes_again_as_the_same_event(rig: Rig) -> None:
    outlet = Doors()
    async with rig.running(outlet) as running:
        outlet.gate.clear()
        happened = await rig.occur()
        await running.told(happened)
        await running.kill()
    outlet.gate.set()
    async with rig.running(outlet) as running:
        if rig.remembers and rig.apart:
            await rig.drive(lambda: outlet.duplicates or len(rig.told(outlet)) > 1)
        await rig.quiet()
    assert set(rig.told(outlet)) == {happened}
    assert len(outlet.emitted) <= 1, "the journal would take it for two events"
    if isinstance(rig, HttpRig):
        assert rig.statuses[happened] == [0], "who got no answer knows that it may not have been served"


async def test_a_source_that_failed_can_be_run_again(rig: Rig) -> None:
    outlet, source = Doors(), rig.source()
    rig.spoil()
    async with rig.running(outlet, source, well=False) as running:
        await rig.drive(lambda: f'router_source_restarts_total{{source="{source.name}"}} 3\n' in rig.metrics.exposition())
        rig.mend()
        await rig.drive(lambda: not running.supervisor.health() and not source.health())
        happened = await rig.occur()
        await running.told(happened)
    assert rig.told(outlet) == [happened]


async def test_a_source_that_was_stopped_can_be_run_again(rig: Rig) -> None:
    outlet, source, happened = Doors(), rig.source(), []
    for _ in range(2):
        async with rig.running(outlet, source) as running:
            happened.append(await rig.occur())
            await running.told(*happened)
    assert rig.told(outlet) == happened


async def test_health_says_nothing_when_attached_and_a_sentence_when_not(rig: Rig) -> None:
    rig.spoil()
    source = rig.source()
    assert source.health(), "it has not even begun"
    async with rig.running(Doors(), source, well=False) as running:
        said = running.supervisor.health()
        assert len(said.split()) > 3, "a sentence that says what is wrong"
        assert "\n" not in said
        rig.mend()
        await rig.drive(lambda: not running.supervisor.health())
        assert source.health() == ""


async def test_names_are_unique_and_say_which_source_it_is(rig: Rig) -> None:
    two = {"s3": ("uploads", "results"), "table": ("orders", "items"), "queue": ("orders", "items")}.get(
        rig.bindings()[0].trigger.word, ("f", "g")
    )
    names = [source.name for source in rig.sources(rig.bindings(*two))]
    assert len(set(names)) == len(names)
    assert all(names)


async def test_names_are_unique_in_a_whole_house(tmp_path: Path) -> None:
    names: list[str] = []
    for word, kind in RIGS.items():
        (tmp_path / word).mkdir()
        async with kind(tmp_path / word).opened() as rig:
            names += [source.name for source in rig.sources(rig.bindings())]
    assert len(names) == len(RIGS)
    assert len(set(names)) == len(set(SOURCES.values())), "sources of one class serve the words of a listener together"
