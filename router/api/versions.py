"""Published versions: kept in the store, run beside $LATEST, named by aliases.

Source: Lambda API reference, PublishVersion, ListVersionsByFunction, DeleteFunction. Numbers grow and are never given twice; publishing
what was published last gives the same number again."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw
import orjson
import structlog

from router import names
from router.api.declared import Declared
from router.clock import Clock
from router.config.types import Alias, Config, Function
from router.errors import InvalidParameter, RouterError
from router.functions import published
from router.functions.aliases import targets, unpublished, versions_of
from router.functions.registry import Functions
from router.journal.database import Database
from router.names import LATEST
from router.runtime.pool import WarmPool

log: Final = structlog.get_logger("router.functions")

LONGEST: Final = 256  # characters of a description
_FUNCTIONS: Final = "functions"
_TOLD: Final = "told"  # beside the settings
_DECLARED: Final = ("layers", "role", "environment")  # of what the API keeps with a function, what its versions are shown with
_STEPS: Final = (
    """
    CREATE TABLE versions (
        function TEXT NOT NULL,
        version INTEGER NOT NULL,
        settings BLOB NOT NULL,      -- published.py, JSON
        description TEXT NOT NULL,
        made REAL NOT NULL,          -- epoch seconds
        PRIMARY KEY (function, version)
    ) WITHOUT ROWID;
    CREATE TABLE version_numbers (function TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
    """,
)
_ALL: Final = "SELECT function, version, settings, description, made FROM versions ORDER BY function, version"
_NEXT: Final = "INSERT INTO version_numbers VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last"
_ADD: Final = "INSERT INTO versions VALUES (?, ?, ?, ?, ?)"
_FORGET: Final = "DELETE FROM versions WHERE function = ?"
_DELETE: Final = "DELETE FROM versions WHERE function = ? AND version = ?"


class VersionInUse(RouterError):
    """An alias, a trigger, a rule or a schedule names the version."""

    status, code = 409, "ResourceConflictException"


class About(NamedTuple):
    """What is known of a published version beside its settings."""

    description: str = ""
    made: float = 0.0  # epoch seconds
    told: Mapping[str, Any] = {}  # JSON that the API kept with the function when it was published


class Versions:
    """The versions of a daemon."""

    def __init__(self, database: Database, functions: Functions, pool: WarmPool, trees: Path, clock: Clock, *, declared: Declared) -> None:
        """*trees*: STATE/code."""
        self._database, self._functions, self._pool, self._trees, self._clock = database, functions, pool, trees, clock
        self._declared = declared
        self._about: dict[str, About] = {}  # NAME:VERSION → about it

    async def open(self, config: Config) -> None:
        """Take up what is published; what *config* names beyond that is told. Raises JournalError."""
        await self._database.migrate("versions", _STEPS)
        for name, number, settings, description, made in await self._database.read(_ALL):
            try:
                kept = orjson.loads(settings)
                function = published.decoded(kept, self._trees)
            except ValueError as error:
                log.error("version_lost", function=name, version=number, error=str(error))
                continue
            if not function.code.is_dir():
                log.error("version_lost", function=name, version=number, error=f"{function.code} does not exist")
                continue
            self._take_up(function, About(description, made, kept.get(_TOLD, {})))
        for problem in unpublished(config, {function.qualified for function in self._functions.versions()}):
            log.error("alias_unresolved", problem=problem)

    async def publish(self, name: str, description: str = "") -> dict[str, Any]:
        """Publish the code and settings in force as the next version; its row. *description*: "" for the function's.

        Raises FunctionNotFound, JournalError, InvalidParameter."""
        if len(description) > LONGEST:
            raise InvalidParameter(f"a description has {LONGEST} characters at most")
        latest = self._functions.get(name)
        if latest.version != LATEST or ":" in self._functions.target(name):
            raise InvalidParameter(f"{name}: only what is in force now can be published; name the function without a qualifier")
        before = self._of(latest.name)
        if before and published.same(latest, before[-1]):
            return self._row(before[-1])
        fragment = self._declared.get(_FUNCTIONS, latest.name)
        known = fragment.about if fragment is not None else {}
        told = {key: known[key] for key in _DECLARED if key in known}
        kept = published.encoded(latest, self._trees) | {_TOLD: told}
        description = description or str(known.get("description", ""))

        def unit(connection: apsw.Connection) -> tuple[int, float]:
            number = int(connection.execute(_NEXT, (latest.name,)).get)
            at = self._clock.now()
            connection.execute(_ADD, (latest.name, number, orjson.dumps(kept | {"version": str(number)}), description, at)).fetchall()
            return number, at

        number, at = await self._database.transact(unit)
        function = published.decoded(kept | {"version": str(number)}, self._trees)
        self._take_up(function, About(description, at, told))
        log.info("version_published", function=latest.name, version=number, sha256=latest.sha256)
        return self._row(function)

    async def delete(self, name: str, version: str) -> None:
        """Take a version away for good. Raises FunctionNotFound, VersionInUse, InvalidParameter, JournalError."""
        if not version.isdecimal():
            raise InvalidParameter(f"{version[:40]}: the number of a published version; $LATEST goes with its function")
        function = self._functions.get(name, version)
        users = [f"alias {alias.name}" for alias in self._functions.aliases(function.name) if version in versions_of(alias)]
        if self._functions.triggered(function.qualified):
            users.append("a trigger")
        users += [place for place, target in targets(self._declared.config) if target == function.qualified]
        if users:
            raise VersionInUse(f"version {version} of {function.name} is in use by {', '.join(users)}")
        await self._database.write(_DELETE, function.name, int(version))
        self._functions.unpublish(function.name, version)
        self._pool.retire(function.qualified)
        log.info("version_deleted", function=function.name, version=int(version))

    def rows(self, name: str) -> list[dict[str, Any]]:
        """$LATEST and the published versions of a function, or of all; one row each."""
        functions = [self._functions.get(name)] if name else list(self._functions)
        return [self._row(one) for function in functions for one in (function, *self._of(function.name))]

    def alias_rows(self) -> list[dict[str, Any]]:
        """One row an alias."""
        return [self._alias_row(function, alias) for function in self._functions for alias in self._functions.aliases(function.name)]

    def about(self, qualified: str) -> About:
        """What is known of a published version; nothing of another."""
        return self._about.get(qualified, About())

    def of(self, name: str) -> list[Function]:
        """The published versions of a function, the first first."""
        return self._of(name)

    def all(self) -> list[Function]:
        """Every published version."""
        return self._functions.versions()

    def forgetting(self, name: str) -> Callable[[apsw.Connection], None]:
        """What takes all versions of a function away, in somebody's transaction. Their numbers stay given, whoever has the name next."""
        return forgetting(name)

    def forget(self, name: str) -> None:
        """That transaction is done."""
        for function in self._of(name):
            self._functions.unpublish(name, function.version)
            self._about.pop(function.qualified, None)
            self._pool.retire(function.qualified)

    def _take_up(self, function: Function, about: About) -> None:
        self._functions.publish(function)
        self._about[function.qualified] = about

    def _of(self, name: str) -> list[Function]:
        return sorted((one for one in self._functions.versions() if one.name == name), key=lambda one: int(one.version))

    def _row(self, function: Function) -> dict[str, Any]:
        about = self.about(function.qualified)
        latest = function.version == LATEST
        return {
            "function": function.name,
            "version": function.version,
            "sha256": function.sha256,
            "runtime": function.runtime,
            "handler": function.handler,
            "memory": function.memory,
            "timeout": function.timeout,
            "description": about.description,
            "published": None if latest or not about.made else names.iso_ms(about.made),
            "aliases": [one.name for one in self._functions.aliases(function.name) if function.version in {one.version, one.other}],
            "arn": self._functions.arn(function, function.version),
        }

    def _alias_row(self, function: Function, alias: Alias) -> dict[str, Any]:
        weights: dict[str, float] = {alias.other: alias.weight} if alias.other else {}
        arn = self._functions.arn(function, alias.name)
        there = {one.version for one in self._of(function.name)}
        missing = [version for version in versions_of(alias) if version not in there]
        return {
            "function": function.name,
            "alias": alias.name,
            "version": alias.version,
            "weights": weights,
            "arn": arn,
            "missing": missing,
        }


def forgetting(name: str) -> Callable[[apsw.Connection], None]:
    """Versions.forgetting, of a store that no daemon has open."""

    def unit(connection: apsw.Connection) -> None:
        connection.execute(_FORGET, (name,)).fetchall()

    return unit
