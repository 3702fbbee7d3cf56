"""Topics as a source: it has their subscriptions laid where messages are published (topics.py).

A message is published by a call. What this source runs by itself is the way of those that more want than one transaction holds."""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from router.clock import woken
from router.errors import JournalError, SourceError
from router.sources.base import Binding, House, Outlet, basis_of
from router.sources.topic_subscribers import Drawn
from router.sources.topic_trigger import SnsTrigger
from router.sources.topics import Grounds


class TopicSource:
    """All topics."""

    TRIGGERS: ClassVar = (SnsTrigger,)

    def __init__(self, drawn: Drawn, house: House, basis: object) -> None:
        self.name = "topics"
        self.basis: object = basis
        self._drawn, self._config, self._topics, self._grounds = drawn, house.config, house.topics, None
        self._database = house.database
        self._attached = False
        if house.queues is not None:
            self._grounds = Grounds(house.database, house.queues, house.clock, house.metrics)
            if not self._topics.laid:  # who publishes has the subscriptions from the first on
                self._lay()

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> list[Self]:
        """One source for all topics; none without topics. Raises ConfigError."""
        basis = (house.config.topics, basis_of(bindings))
        return [house.source("topics", basis, lambda: cls(Drawn.of(bindings, house.config), house, basis))]

    def can_become(self, source: Any) -> bool:
        """See Successor."""
        return isinstance(source, TopicSource) and source._topics is self._topics  # noqa: SLF001 - its own kind

    async def prepare(self, former: Any) -> None:
        """See Successor. There is nothing to open."""

    def become(self, source: Any) -> None:
        """See Successor."""
        self._drawn, self._config, self.basis = source._drawn, source._config, source.basis  # noqa: SLF001 - its own kind
        self._lay()

    def _lay(self) -> None:
        if self._grounds is not None:
            self._topics.lay(self._drawn, self._config, self._grounds)

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Hand on what was kept for later, until *stop*; what is being published then is finished. Raises SourceError when the store fails."""
        try:
            await self._database.ping()
            self._attached = True
            async with woken(self._topics.behind, stop):
                while not stop.is_set():
                    self._topics.behind.clear()
                    if not await self._topics.hand_on(outlet):
                        await self._topics.behind.wait()
            await self._topics.still.wait()
        except JournalError as error:
            raise SourceError(f"topics cannot be served: {error}") from error
        finally:
            self._attached = False

    def health(self) -> str:
        """See Source."""
        return "" if self._attached else "topics are not served: the source does not run"
