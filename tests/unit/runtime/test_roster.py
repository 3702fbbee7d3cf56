"""Environments on their way out: each goes once, and counts until it is gone."""

import asyncio
from pathlib import Path
from typing import Any

from router.config.types import Function
from router.runtime.roster import Roster
from router.runtime.shelf import Shelf
from tests.helpers.clock import VirtualClock, settle


class Leaving:
    """An environment whose end takes until it is let go."""

    def __init__(self) -> None:
        self.function = Function("f", Path(), "app.handler")
        self.closes, self.over = 0, asyncio.Event()

    async def close(self) -> None:
        self.closes += 1
        await self.over.wait()


class Room:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def hold(self, _: Any) -> None:
        self.heard.append("hold")

    def leave(self, _: Any) -> None:
        self.heard.append("leave")

    def gone(self, _: Any) -> None:
        self.heard.append("gone")


async def test_one_that_is_retired_again_goes_once() -> None:
    room, gone = Room(), list[str]()
    roster, environment = Roster(Shelf(), room, VirtualClock(), gone.append), Leaving()  # type: ignore[arg-type]
    roster.enter(environment)  # type: ignore[arg-type]
    for _ in range(2):
        roster.retire(environment)  # type: ignore[arg-type]
    await settle()
    assert (len(roster), list(roster.closing), gone) == (1, [environment], [])
    environment.over.set()
    await roster.close()
    roster.retire(environment)  # type: ignore[arg-type]
    await settle()
    assert (len(roster), list(roster.closing), environment.closes, gone) == (0, [], 1, ["f"])
    assert room.heard == ["hold", "leave", "gone"]
