"""The store: one SQLite file, one writer thread, group commit; WAL, synchronous=FULL.

Every write is synced when its call returns."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import apsw

T = TypeVar("T")
Row = tuple[Any, ...]


class Database:
    """One open store."""

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or create the file, recover, check its integrity quickly. Raises JournalError with what to do."""
        raise NotImplementedError

    async def migrate(self, component: str, steps: Sequence[str]) -> None:
        """Bring a component's tables up to date: run the steps (SQL scripts) after the last one recorded for it.

        Raises JournalError when the file has more steps than we know: written by a newer version."""
        raise NotImplementedError

    async def transact(self, unit: Callable[[apsw.Connection], T]) -> T:
        """Run *unit* in the writer thread, atomically, in the group commit under way; its result, once synced.

        What *unit* raises comes out here and undoes only this unit. Units run in the order of the calls."""
        raise NotImplementedError

    async def write(self, sql: str, *params: Any) -> int:
        """One statement as a unit; give how many rows it changed."""
        raise NotImplementedError

    async def read(self, sql: str, *params: Any) -> list[Row]:
        """Rows of a query, off the writer's thread; sees all that write() and transact() returned for."""
        raise NotImplementedError

    async def close(self) -> None:
        """Commit what was handed over, checkpoint, close."""
        raise NotImplementedError
