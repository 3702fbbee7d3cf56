"""Replays of archived events: the store remembers them across restarts, and they go on until they are through or cancelled."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from router import names
from router.clock import Clock, woken
from router.config.types import Bus
from router.errors import InvalidParameter, RouterError
from router.events.patterns import compile_pattern, refusal
from router.events.patterns_values import InvalidPattern
from router.sources import bus_store
from router.sources.base import Outlet
from router.sources.bus_rules import Buses, Occurrence
from router.sources.bus_store import Archived, BusStore, Replay

log = structlog.get_logger("router.sources.bus")

REPLAYS: Final = 10  # that may go on at once: EventBridge quotas
PAGE: Final = 50  # events of a replay handed over in one transaction
_NAME: Final = re.compile(r"[.\-_A-Za-z0-9]{1,64}")  # EventBridge API reference, StartReplay


class ResourceNotFound(RouterError):
    """No bus, rule or replay of this name."""

    status, code = 404, "ResourceNotFoundException"


class Replays:
    """All replays of all buses."""

    def __init__(self, store: BusStore, buses: Buses, clock: Clock) -> None:
        self._store, self._buses, self._clock = store, buses, clock
        self._wake = asyncio.Event()  # there is a new one

    async def run(self, group: asyncio.TaskGroup, outlet: Outlet, stop: asyncio.Event) -> None:
        """Run replays, those of before included, until *stop*."""
        running: dict[str, asyncio.Task[None]] = {}
        async with woken(self._wake, stop):
            while not stop.is_set():
                self._wake.clear()
                for replay in await self._store.replays(going=True):
                    if replay.name not in running or running[replay.name].done():
                        running[replay.name] = group.create_task(self._go_on(replay, outlet, stop), name=f"replay-{replay.name}")
                await self._wake.wait()

    async def begin(self, replay: Replay, bus: Bus | None) -> str:
        """Begin a replay of what *bus* has archived; its name. Raises InvalidParameter, ResourceNotFound, JournalError."""
        if bus is None:
            raise ResourceNotFound(f"Event bus {replay.bus} does not exist.")
        if not bus.archive:
            raise InvalidParameter(f"bus {replay.bus} has no archive: write buses: {{{replay.bus}: {{archive: 7d}}}}")
        name = replay.name or f"replay-{names.request_id()}"
        if not _NAME.fullmatch(name):
            raise InvalidParameter("a replay's name is 1 to 64 letters, digits, dots, hyphens and underscores")
        if replay.start > replay.finish:
            raise InvalidParameter("EventStartTime must be before EventEndTime.")
        self._check_rules(replay)
        if replay.pattern:
            _compiled(replay.pattern)
        begun = await self._store.begin(replace(replay, name=name, began=self._clock.now()), REPLAYS)
        if not begun:
            raise InvalidParameter(
                f"Replay {name} already exists." if begun is False else f"{REPLAYS} replays go on already: wait or cancel one"
            )
        self._wake.set()
        return name

    def _check_rules(self, replay: Replay) -> None:
        known = {rule.name for rule in self._buses.rules if rule.bus == replay.bus}
        for name in replay.rules:
            if name not in known:
                raise ResourceNotFound(f"Rule {name} does not exist on EventBus {replay.bus}.")

    async def cancel(self, name: str) -> None:
        """Have a replay end. Raises InvalidParameter when none of this name goes on."""
        if not await self._store.cancel(name):
            raise InvalidParameter(f"no replay {name} goes on")

    async def _go_on(self, replay: Replay, outlet: Outlet, stop: asyncio.Event) -> None:
        """Take a replay on from where it stands; its bus may go meanwhile."""
        while not stop.is_set():
            current = await self._store.replay(replay.name)
            if current is None or current.ended is not None:
                return
            page = [] if current.state == bus_store.CANCELLING else await self._store.page(current, PAGE)
            if current.bus not in self._buses:
                await self._store.end(current.name, bus_store.FAILED, self._clock.now(), f"the config has no bus {current.bus}")
                return
            if not page:
                state = bus_store.CANCELLED if current.state == bus_store.CANCELLING else bus_store.COMPLETED
                await self._store.end(current.name, state, self._clock.now())
                log.info("replay_finished", replay=current.name, bus=current.bus, state=state, events=current.events)
                return
            await self._hand_over(current, page, outlet)

    async def _hand_over(self, replay: Replay, page: Sequence[Archived], outlet: Outlet) -> None:
        """One page, together with the record that it is done."""
        pattern = _compiled(replay.pattern) if replay.pattern else None
        rules = frozenset(replay.rules) or None
        occurrences = []
        for row in page:
            event = json.loads(row.payload)  # not orjson: numbers of any size, and half surrogate pairs, come back as they went
            if pattern is None or pattern.matches(event):
                made = Occurrence.of(replay.bus, event | {"replay-name": replay.name}, row.at)
                occurrences.append(made._replace(rules=rules))
        await self._buses.publish(
            outlet, occurrences, lambda connection: bus_store.progress(connection, replay.name, page[-1], len(occurrences))
        )

    async def rows(self) -> list[dict[str, Any]]:
        """One row a replay, the newest first."""
        return [
            {
                "name": replay.name,
                "bus": replay.bus,
                "state": replay.state,
                "events": replay.events,
                "from": names.iso_s(replay.start),
                "to": names.iso_s(replay.finish),
                "began": names.iso_s(replay.began),
                "ended": None if replay.ended is None else names.iso_s(replay.ended),
                "reason": replay.reason,
            }
            for replay in await self._store.replays()
        ]


def _compiled(text: str) -> Any:
    try:
        return compile_pattern(text)
    except InvalidPattern as error:
        raise InvalidParameter(refusal(error)) from error
