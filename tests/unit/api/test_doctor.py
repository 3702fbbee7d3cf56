"""What a daemon says of its own fitness."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from router.api.control import Control
from router.api.doctor import Doctor
from router.config.types import Bucket, Listen
from router.dispatch.supervisor import Supervisor
from router.errors import JournalError
from router.journal.lock import StateLock
from router.runtime.sandbox_controls import Machine
from router.sources.base import House
from router.sources.http import HttpSource
from router.sources.s3dir import S3DirSource
from tests.unit.api.bench import Bench, NoStore

KEYS = {"name", "wanted", "effective", "proof", "remedy", "ok", "required"}


class Store:
    """What is looked at of a store."""

    path = Path("/c/state/journal.db")
    short_of_space = False
    error = ""

    async def ping(self) -> None:
        if self.error:
            raise JournalError(self.error)


class Ward:
    """A daemon that can be made ill."""

    def __init__(self, directory: Path) -> None:
        self.bench, self.store, self.journal = Bench(), Store(), SimpleNamespace(damaged=0)
        self.file = directory / "lock"
        self.file.touch()
        self.held = self.file.open("rb")
        self.descriptors = (10, 1000)
        lock = StateLock(self.held.fileno(), self.file)
        self.doctor = Doctor(
            self.bench.calls,
            self.store,  # type: ignore[arg-type]
            self.journal,
            lock,
            clock=self.bench.clock,
            machine=lambda: Machine(
                dict.fromkeys(("always", "seccomp", "landlock", "namespaces", "network", "user"), "") | {"landlock_abi": 7, "groups": 2}
            ),
            descriptors=lambda: self.descriptors,
        )

    async def found(self) -> dict[str, dict[str, Any]]:
        rows = await self.doctor.rows()
        assert all(set(row) == KEYS for row in rows)
        assert len({row["name"] for row in rows}) == len(rows)
        return {row["name"]: row for row in rows}

    async def ill(self) -> dict[str, str]:
        """Name → what was found, of all that is not as it should be; each says what to do."""
        rows = {name: row for name, row in (await self.found()).items() if not row["ok"]}
        assert all(row["remedy"] for row in rows.values())
        return {name: row["effective"] for name, row in rows.items() if not name.startswith(("source ", "listener "))}


@pytest.fixture
def ward(tmp_path: Path) -> Any:
    made = Ward(tmp_path)
    yield made
    made.held.close()


async def test_a_daemon_that_is_well(ward: Ward) -> None:
    assert await ward.ill() == {}
    assert "pid 4242" in (await ward.found())["daemon"]["effective"]


async def test_a_store_that_takes_nothing(ward: Ward) -> None:
    ward.store.error = "journal.db: no space left on the device"
    assert await ward.ill() == {"store": "journal.db: no space left on the device"}


async def test_what_costs_events(ward: Ward) -> None:
    ward.store.short_of_space = True
    ward.journal.damaged = 2
    ill = await ward.ill()
    assert ill["store space"].startswith("only the reserve is left")
    assert ill["payloads"] == "2 events with damaged payloads since the start"


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_lock_whose_file_is_not_there_any_more(ward: Ward, replaced: bool) -> None:
    ward.file.unlink()
    if replaced:
        ward.file.touch()
    assert (await ward.ill()).keys() == {"state lock"}
    assert (await ward.found())["state lock"]["required"]


async def test_few_descriptors_left_and_a_clock_that_was_set(ward: Ward) -> None:
    ward.descriptors = (800, 1000)
    ward.bench.clock.jump(-7200)
    assert await ward.ill() == {"open descriptors": "800", "daemon clock": "set by -7200 s since the start"}
    rows = await ward.found()
    assert not rows["open descriptors"]["required"]
    assert rows["open descriptors"]["wanted"] == "below 80% of 1000"


async def test_sources_say_their_own_health(ward: Ward) -> None:
    rows = await ward.found()
    assert {name for name in rows if name.startswith("source ")} == {"source http", "source schedule", "source table:orders"}
    row = rows["source table:orders"]
    assert (row["ok"], row["effective"]) == (False, "the feed of table orders has not been read yet")


async def test_listeners_are_bound_or_not(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not (await ward.found())["listener http"]["ok"]
    monkeypatch.setattr(HttpSource, "addresses", ("127.0.0.1:8080",))
    ward.bench.calls.listeners["console"] = ("127.0.0.1:8081",)
    rows = await ward.found()
    assert (rows["listener http"]["ok"], rows["listener http"]["effective"]) == (True, "127.0.0.1:8080")
    assert rows["listener console"]["ok"]


async def test_a_listener_that_is_off_is_not_missed(ward: Ward) -> None:
    object.__setattr__(ward.bench.config, "console", Listen("off"))
    ward.bench.calls.listeners["console"] = ()
    assert "listener console" not in await ward.found()


async def test_directories_without_a_watch(ward: Ward, tmp_path: Path) -> None:
    bench = ward.bench
    house = House(bench.config, bench.clock, NoStore(), bench.metrics)  # type: ignore[arg-type]
    source = S3DirSource(Bucket("uploads", tmp_path), [], (), house)
    supervisor = Supervisor(source, clock=bench.clock, metrics=bench.metrics, chance=None)  # type: ignore[arg-type]
    parts = bench.calls._parts
    object.__setattr__(parts, "supervisors", [*parts.supervisors, supervisor])
    assert (await ward.found())["watches s3:uploads"]["ok"]
    source._attachment.figures.unwatched_directories = 3
    assert (await ward.ill())["watches s3:uploads"] == "3 are not: changes there are found at the scan's interval"


async def test_the_control_socket_answers_with_the_rows(ward: Ward) -> None:
    ward.bench.control = Control(ward.bench.calls, ward.doctor)
    assert await ward.bench.get("/doctor") == await ward.doctor.rows()
