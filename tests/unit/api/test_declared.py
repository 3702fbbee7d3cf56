"""Declaring through the API: checked, durable, in force, in this order; and nothing when one of them fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from router.api.declared import LARGEST, Change, Declared, DeclaredInConfig
from router.api.declared_store import kept
from router.config.fragments import Fragment
from router.config.load import load
from router.config.types import Config
from router.errors import ConfigError, InvalidParameter, JournalError
from router.journal.database import Database
from tests.helpers.clock import VirtualClock

TEXT = "version: 1\nqueues: {jobs: {}}\n"


class Applier:
    """Takes configs up, and notes what happened in which order."""

    def __init__(self, config: Config) -> None:
        self.config, self.steps = config, [""][:0]
        self.refusal: Exception | None = None
        self.turn = asyncio.Lock()

    async def change(self, read: Callable[[Config], Config], keep: Callable[[], Any]) -> None:
        async with self.turn:
            wanted = read(self.config)
            self.steps.append("checked")
            if self.refusal is not None:
                raise self.refusal
            await keep()
            self.steps.append("kept")
            self.config = wanted


class House:
    """A state directory and what takes configs up."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.clock = directory, VirtualClock()
        self.file = directory / "config.yaml"
        self.file.write_text(TEXT)

    def read(self, fragments: tuple[Fragment, ...], now: Config | None) -> Config:
        return load(self.file, {}, declared=lambda _: fragments, text=now.text if now else None, former=now)

    async def open(self) -> None:
        self.database = await Database.open(self.directory / "journal.db")
        self.declared = await Declared.open(self.database, self.read, self.clock)
        self.applier = Applier(self.read(self.declared.fragments(), None))
        self.declared.serve(self.applier)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    await house.open()
    yield house
    await house.database.close()


async def test_what_is_declared_is_in_force_and_there_after_a_restart(house: House) -> None:
    fragment = await house.declared.put("queues", "more", {"delay": 3}, {"tags": {"a": "b"}})
    assert house.applier.steps == ["checked", "kept"]
    assert house.applier.config.queues["more"].delay == 3
    assert (fragment.value, fragment.about, fragment.number) == ({"delay": 3}, {"tags": {"a": "b"}}, 1)
    assert house.declared.owner("queues", "more") == "api"
    await house.database.close()
    assert kept(house.directory) == (fragment,)
    await house.open()
    assert house.declared.fragments() == (fragment,)
    assert house.applier.config.queues.keys() == {"jobs", "more"}


async def test_a_change_keeps_the_number_the_time_and_what_is_kept_beside(house: House) -> None:
    first = await house.declared.put("queues", "more", {}, {"a": 1})
    await house.declared.put("queues", "other", {})
    await house.clock.advance(5)
    second = await house.declared.put("queues", "more", {"delay": 1})
    assert (second.number, second.made, second.about) == (first.number, first.made, {"a": 1})
    assert second.changed == first.changed + 5
    await house.declared.remove("queues", "other")
    assert (await house.declared.put("queues", "other", {})).number == 3, "a number is never given twice: places of triggers hang on it"
    assert [one.name for one in house.declared.of("queues")] == ["more", "other"]


async def test_what_config_yaml_declares_is_not_changed(house: House) -> None:
    assert house.declared.owner("queues", "jobs") == "config"
    assert house.declared.owner("queues", "none") is None
    with pytest.raises(DeclaredInConfig, match=r"queues\.jobs is declared in config\.yaml"):
        await house.declared.put("queues", "jobs", {})
    with pytest.raises(DeclaredInConfig):
        await house.declared.remove("queues", "jobs")
    assert house.applier.steps == []


@pytest.mark.parametrize("value", [{"delay": "long"}, {"dilay": 1}, {"delay": float("nan")}, {"x": b""}, {"delay": "x" * LARGEST}])
async def test_a_mistake_changes_nothing(house: House, value: Any) -> None:
    with pytest.raises(InvalidParameter, match=r"^queues\.'?more"):
        await house.declared.put("queues", "more", value)
    assert kept(house.directory) == house.declared.fragments() == ()
    assert house.declared.owner("queues", "more") is None


async def test_all_of_a_change_or_nothing(house: House) -> None:
    await house.declared.put("queues", "old", {})
    puts = (Fragment("queues", "a", {}), Fragment("queues", "b", {"delay": "long"}))
    with pytest.raises(InvalidParameter):
        await house.declared.change(Change(puts, (("queues", "old"),)))
    assert [one.name for one in kept(house.directory)] == ["old"]
    await house.declared.change(Change((puts[0],), (("queues", "old"),)))
    assert [one.name for one in kept(house.directory)] == ["a"]
    assert house.applier.config.queues.keys() == {"jobs", "a"}


async def test_what_stands_beside_is_in_the_same_transaction(house: House) -> None:
    def fails(_: apsw.Connection) -> None:
        raise JournalError("no")

    with pytest.raises(JournalError):
        await house.declared.change(Change((Fragment("queues", "a", {}),), beside=(fails,)))
    assert kept(house.directory) == house.declared.fragments() == ()


async def test_a_refusal_by_who_takes_it_up_changes_nothing(house: House) -> None:
    house.applier.refusal = ConfigError(("functions.f.code: gone",))
    with pytest.raises(InvalidParameter, match="code: gone"):
        await house.declared.put("queues", "more", {})
    assert kept(house.directory) == ()


async def test_a_config_file_that_somebody_is_editing_is_not_looked_at(house: House) -> None:
    house.file.write_text("version: 1\nqueues: {jobs")
    await house.declared.put("queues", "more", {})
    assert house.applier.config.queues.keys() == {"jobs", "more"}


async def test_what_a_reload_took_up_while_a_declaration_waited_stays(house: House) -> None:
    async with house.applier.turn:
        task = asyncio.create_task(house.declared.put("queues", "more", {}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        house.file.write_text(TEXT.replace("jobs: {}", "jobs: {delay: 7}"))
        house.applier.config = load(house.file, {})
    await task
    assert house.applier.config.queues["jobs"].delay == 7


async def test_those_that_come_together_share_one_reload_and_each_hears_of_its_own(house: House) -> None:
    async with house.applier.turn:
        first = asyncio.create_task(house.declared.put("queues", "first", {}))
        await asyncio.sleep(0)
        values = [{"delay": number} for number in range(20)]
        tasks = [asyncio.create_task(house.declared.put("queues", f"q{at}", value)) for at, value in enumerate(values)]
        await asyncio.sleep(0)
    await first
    assert [one.value for one in await asyncio.gather(*tasks)] == values
    assert house.applier.steps.count("kept") == 2
    assert [one.name for one in kept(house.directory)] == ["first", *(f"q{at}" for at in range(20))]
    wrong: Any = {"delay": "long"}
    told = await asyncio.gather(
        *(house.declared.put("queues", f"q{at}", wrong if at == 3 else {"delay": 9}) for at in range(20)), return_exceptions=True
    )
    assert [type(one) for one in told] == [InvalidParameter if at == 3 else Fragment for at in range(20)]
    assert [house.applier.config.queues[f"q{at}"].delay for at in range(20)] == [3 if at == 3 else 9 for at in range(20)]


async def test_whoever_leaves_before_the_end_leaves_the_change_to_run(house: House) -> None:
    task = asyncio.create_task(house.declared.put("queues", "more", {}))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await house.declared.put("queues", "other", {})
    assert house.applier.config.queues.keys() == {"jobs", "more", "other"}


async def test_nothing_is_declared_before_the_daemon_serves(house: House) -> None:
    declared = Declared(house.database, house.read, house.clock)
    with pytest.raises(InvalidParameter, match="starting"):
        await declared.put("queues", "a", {})


def test_a_directory_without_a_store_keeps_nothing(tmp_path: Path) -> None:
    assert kept(tmp_path) == ()
    (tmp_path / "journal.db").touch()
    assert kept(tmp_path) == ()
    (tmp_path / "journal.db").write_bytes(b"no database" * 100)
    with pytest.raises(JournalError, match="is not a journal"):
        kept(tmp_path)


class Kept:
    """What is kept of queues, in memory and in the store."""

    def __init__(self) -> None:
        self.there = {"jobs", "more", "new", "other"}

    def forgetting(self, name: str) -> Callable[[apsw.Connection], None]:
        return lambda connection: connection.execute("DELETE FROM belongings WHERE name = ?", (name,)).fetchall() and None

    def forget(self, name: str) -> None:
        self.there.discard(name)


async def test_what_is_kept_under_a_name_goes_with_the_declaration_and_a_new_one_begins_without(house: House) -> None:
    await house.declared.put("queues", "more", {})
    kept = Kept()
    await house.database.migrate("belongings", ("CREATE TABLE belongings (name TEXT PRIMARY KEY) WITHOUT ROWID;",))
    for name in kept.there:
        await house.database.write("INSERT INTO belongings VALUES (?)", name)
    house.declared.attach("queues", kept)

    async def stored() -> set[str]:
        return {row[0] for row in await house.database.read("SELECT name FROM belongings")}

    await house.declared.put("queues", "more", {"delay": 1})
    assert kept.there == await stored() == {"jobs", "more", "new", "other"}, "a change leaves it"
    house.applier.refusal = ConfigError(("no",))
    with pytest.raises(InvalidParameter):
        await house.declared.put("queues", "new", {})
    assert kept.there == await stored() == {"jobs", "more", "new", "other"}, "so does what is refused"
    house.applier.refusal = None
    await house.declared.put("queues", "new", {})
    await house.declared.remove("queues", "more")
    assert kept.there == await stored() == {"jobs", "other"}
