"""What services of the AWS endpoint declare: the mechanism itself is router/api/declared.py."""

from collections.abc import Callable
from typing import Any, Literal, Protocol

import apsw

Unit = Callable[[apsw.Connection], None]


class Kept(Protocol):
    """What is kept with a declaration."""

    @property
    def changed(self) -> float:
        """Epoch seconds of the last change."""


class Declared(Protocol):
    """What was declared through the API and is in force beside config.yaml."""

    async def put(self, kind: str, name: str, value: Any, *, beside: tuple[Unit, ...] = ()) -> object:
        """Check, make durable, put in force. *value*: as config.yaml spells it; *beside*: done in the same transaction. Raises
        InvalidParameter with every mistake, DeclaredInConfig."""

    async def remove(self, kind: str, name: str, *, beside: tuple[Unit, ...] = ()) -> None:
        """Take it back, durably, and out of force; *beside*: done in the same transaction. Raises InvalidParameter when something else
        needs it."""

    def get(self, kind: str, name: str) -> Kept | None:
        """What is kept of something that was declared through the API."""

    def owner(self, kind: str, name: str) -> Literal["config", "api"] | None:
        """Who declared it; None: nobody."""
