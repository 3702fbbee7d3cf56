"""A store whose units run when a test says so."""

from collections.abc import Callable
from typing import Any

import apsw

from router.errors import JournalError

Done = Callable[[Any, BaseException | None], None]


class Held:
    """Stands where Database does: what is submitted waits in *units*."""

    def __init__(self, connection: apsw.Connection | None = None) -> None:
        self.units: list[tuple[Callable[[Any], Any], Done]] = []
        self.fault: JournalError | None = None  # what submit() raises
        self.patient: list[bool] = []  # whether each that was ever submitted would wait for company
        self._connection = connection

    def submit(self, unit: Callable[[Any], Any], done: Done, *, patient: bool = False) -> None:
        """See Database."""
        if self.fault is not None:
            raise self.fault
        self.units.append((unit, done))
        self.patient.append(patient)

    def follow(self, unit: Callable[[Any], Any], done: Done) -> None:
        """See Database."""
        self.submit(unit, done)

    async def transact(self, unit: Callable[[Any], Any]) -> Any:
        """See Database; whatever waits runs before it."""
        self.run()
        return unit(self._connection)

    def run(self) -> None:
        """Run all that waits, and what comes of it."""
        while self.units:
            unit, done = self.units.pop(0)
            done(unit(self._connection), None)

    def answer(self, result: Any) -> None:
        """Give the first unit this result instead of running it."""
        self.units.pop(0)[1](result, None)

    def fail(self, error: BaseException, *, begun: bool = True) -> None:
        """Fail the first unit. *begun*: after it ran; its work is undone."""
        unit, done = self.units.pop(0)
        if begun:
            unit(self._connection)
        done(None, error)
