"""What was declared through the API: fragments of config in the daemon's store, in force beside config.yaml.

One mechanism for all services. A change is checked as a reload is, with config.yaml as it is in force, not as somebody is just
editing it; it is durable, then in force, then answered. What config.yaml declares is not changed here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, Protocol

import apsw
import orjson
import structlog

from router.api import declared_store as store
from router.api.together import Together
from router.clock import Clock
from router.config.fragments import TRIGGERS, BadFragment, Fragment, Owner, checked
from router.config.problems import plain
from router.config.types import Config
from router.errors import ConfigError, InvalidParameter, RouterError
from router.journal.database import Database
from router.names import iso_ms

log: Final = structlog.get_logger("router.declared")

MOST: Final = 10_000  # fragments
LARGEST: Final = 1024 * 1024  # bytes of one

Key = tuple[str, str]
Read = Callable[[tuple[Fragment, ...], Config], Config]
"""Fragments and the config in force → the config with these instead of those it has; blocking. Raises ConfigError."""
Unit = Callable[[apsw.Connection], None]


class DeclaredInConfig(RouterError):
    """config.yaml declares it: the API does not change it."""

    status, code = 409, "ResourceConflictException"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind}.{name} is declared in config.yaml, which the API does not change: change it there, then router reload")


class Applier(Protocol):
    """What takes another config up; the Reloader."""

    @property
    def config(self) -> Config:
        """The one in force."""
        ...

    async def change(self, read: Callable[[Config], Config], keep: Callable[[], Any]) -> None:
        """Check what *read* makes of the config in force, await *keep*, take it up. Raises RouterError: nothing has changed."""
        ...


class Belongings(Protocol):
    """What is kept of things of one kind, by name, beside their declarations. It goes with a declaration; one that is new begins without:
    what is still there is of another thing, which had the name before."""

    def forgetting(self, name: str) -> Unit:
        """What takes it away, in somebody's transaction."""
        ...

    def forget(self, name: str) -> None:
        """That transaction is done."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """Several things at once: all of them, or none."""

    puts: tuple[Fragment, ...] = ()
    removes: tuple[Key, ...] = ()
    beside: tuple[Unit, ...] = field(default=(), repr=False)  # what else is written in the same transaction
    landed: tuple[Callable[[], None], ...] = field(default=(), repr=False)  # what is called when that is done, before it is in force

    @property
    def keys(self) -> list[Key]:
        """What it is about."""
        return [*self.removes, *((one.kind, one.name) for one in self.puts)]


class Declared:
    """The fragments of one daemon."""

    def __init__(self, database: Database, read: Read, clock: Clock, fragments: Iterable[Fragment] = ()) -> None:
        self._database, self._read, self._clock = database, read, clock
        self._fragments: dict[Key, Fragment] = {(one.kind, one.name): one for one in fragments}
        self._next = 1  # the number of the next fragment that is new
        self._changes: Together[Change] = Together(self._make, lambda change: change.keys)
        self._applier: Applier | None = None
        self._belongings: dict[str, tuple[Belongings, ...]] = {}  # by kind

    @classmethod
    async def open(cls, database: Database, read: Read, clock: Clock) -> "Declared":
        """What is kept, read. Raises JournalError."""
        await database.migrate("declared", store.STEPS)
        declared = cls(database, read, clock, map(store.fragment, await database.read(store.ALL)))
        declared._next = int((await database.read(store.NEXT))[0][0])
        return declared

    def serve(self, applier: Applier) -> None:
        """From now on changes are taken up by *applier*."""
        self._applier = applier

    def attach(self, kind: str, *belongings: Belongings) -> None:
        """From now on these are kept of things of this *kind*, and go with their declarations."""
        self._belongings[kind] = belongings

    def fragments(self) -> tuple[Fragment, ...]:
        """All of them, in the order of their declaration."""
        return tuple(sorted(self._fragments.values(), key=lambda one: one.number))

    def of(self, kind: str) -> list[Fragment]:
        """Those of one kind, in the order of their declaration."""
        return [one for one in self.fragments() if one.kind == kind]

    def get(self, kind: str, name: str) -> Fragment | None:
        """One of them."""
        return self._fragments.get((kind, name))

    def owner(self, kind: str, name: str) -> Owner | None:
        """Who declares it in the config that is in force; None: nobody."""
        if (kind, name) in self._fragments:
            return "api"
        return self.config.owners.get((kind, name)) if kind != TRIGGERS else None

    @property
    def config(self) -> Config:
        """The config in force."""
        if self._applier is None:
            raise InvalidParameter("the daemon is starting")
        return self._applier.config

    async def put(
        self,
        kind: str,
        name: str,
        value: Any,
        about: Mapping[str, Any] | None = None,
        *,
        beside: tuple[Unit, ...] = (),
        landed: tuple[Callable[[], None], ...] = (),
    ) -> Fragment:
        """Declare, or declare anew; on return durable and in force. *value*: as config.yaml has it; *about*: kept with it, None: as it was;
        *beside*, *landed*: see Change.

        Raises InvalidParameter with all that is wrong, DeclaredInConfig, JournalError; nothing has changed then."""
        before = self.get(kind, name)
        known = (before.about if before else {}) if about is None else about
        await self.change(Change((Fragment(kind, name, value, known),), beside=beside, landed=landed))
        return self._fragments[kind, name]

    async def remove(self, kind: str, name: str, *, beside: tuple[Unit, ...] = ()) -> None:
        """Take it back. Raises as put() does, when others need it too; what nobody declared is gone already."""
        await self.change(Change(removes=((kind, name),), beside=beside))

    async def change(self, change: Change) -> None:
        """All of *change*, in force on return; a caller that is cancelled leaves it to run. Raises as put() does."""
        await self._changes.made(change)

    async def _make(self, changes: Sequence[Change]) -> None:
        """Several changes about different things, all or none."""
        applier = self._applier
        if applier is None:
            raise InvalidParameter("the daemon is starting")
        wanted = self._wanted(changes, self._clock.now())
        try:
            await applier.change(lambda now: self._read(_ordered(wanted), now), lambda: self._keep(changes, wanted))
        except ConfigError as error:
            raise InvalidParameter("\n".join(plain(one) for one in error.problems)) from error
        for one in chain.from_iterable(change.puts for change in changes):
            log.info("resource_declared", kind=one.kind, name=one.name)
        for kind, name in chain.from_iterable(change.removes for change in changes):
            log.info("resource_undeclared", kind=kind, name=name)

    def _wanted(self, changes: Sequence[Change], now: float) -> dict[Key, Fragment]:
        """What there is after *changes*. Raises InvalidParameter, DeclaredInConfig."""
        wanted, number = dict(self._fragments), self._next
        for key in chain.from_iterable(change.removes for change in changes):
            self._refuse_of_config(*key)
            wanted.pop(key, None)
        for one in chain.from_iterable(change.puts for change in changes):
            self._refuse_of_config(one.kind, one.name)
            _check(one)
            before = wanted.get((one.kind, one.name))
            fresh = number if before is None else before.number
            number += before is None
            value, about = orjson.loads(orjson.dumps(one.value)), orjson.loads(orjson.dumps(dict(one.about)))
            made = before.made if before else now
            wanted[one.kind, one.name] = Fragment(one.kind, one.name, value, about, fresh, made, now)
        if len(wanted) > max(MOST, len(self._fragments)):
            raise InvalidParameter(f"the API has declared {MOST} things already: delete some")
        return wanted

    def _refuse_of_config(self, kind: str, name: str) -> None:
        if self.owner(kind, name) == "config":
            raise DeclaredInConfig(kind, name)

    async def _keep(self, changes: Sequence[Change], wanted: dict[Key, Fragment]) -> None:
        """Have it durable. Raises JournalError."""
        puts = [wanted[one.kind, one.name] for change in changes for one in change.puts]
        losing = self._losing(changes)

        def unit(connection: apsw.Connection) -> None:
            for key in chain.from_iterable(change.removes for change in changes):
                connection.execute(store.REMOVE, key).fetchall()
            for one in puts:
                row = (orjson.dumps(one.value), orjson.dumps(dict(one.about)), one.changed, one.number)
                if not connection.execute(store.UPDATE, row).fetchall():
                    connection.execute(store.INSERT, (*row, one.kind, one.name, one.made)).fetchall()
            for belongings, name in losing:
                belongings.forgetting(name)(connection)
            for more in chain.from_iterable(change.beside for change in changes):
                more(connection)

        def landed(_: None) -> None:
            for belongings, name in losing:
                belongings.forget(name)
            for call in chain.from_iterable(change.landed for change in changes):
                call()

        await self._database.land(unit, landed)
        self._fragments = wanted
        self._next = max(self._next, *(one.number + 1 for one in puts), 1)

    def _losing(self, changes: Sequence[Change]) -> list[tuple[Belongings, str]]:
        """What is kept under names that come or go with *changes*."""
        there = self._fragments.keys()
        going = [key for change in changes for key in change.removes if key in there]
        coming = [(one.kind, one.name) for change in changes for one in change.puts if (one.kind, one.name) not in there]
        return [(belongings, name) for kind, name in (*going, *coming) for belongings in self._belongings.get(kind, ())]


def rows_of(fragments: Iterable[Fragment]) -> list[dict[str, Any]]:
    """One row a fragment, for people: values of a function's environment are not shown."""
    return [
        {"kind": one.kind, "name": one.name, "made": iso_ms(one.made), "changed": iso_ms(one.changed), "value": _shown(one.value)}
        for one in fragments
    ]


def _shown(value: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get("environment"), dict):
        return value
    return {**value, "environment": sorted(value["environment"])}


def _ordered(wanted: Mapping[Key, Fragment]) -> tuple[Fragment, ...]:
    return tuple(sorted(wanted.values(), key=lambda one: one.number))


def _check(fragment: Fragment) -> None:
    """Raises InvalidParameter for what cannot be kept."""
    try:
        size = len(orjson.dumps([fragment.name, checked(fragment.value), dict(fragment.about)]))
    except (BadFragment, TypeError) as error:
        raise InvalidParameter(f"{fragment.kind}.{fragment.name!r:.80}: {error}") from error
    if size > LARGEST:
        raise InvalidParameter(f"{fragment.kind}.{fragment.name!r:.80}: longer than {LARGEST // 1024**2} MB")
