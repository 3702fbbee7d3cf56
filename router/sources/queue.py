"""Queues of our own as event sources: the trigger `queue` and the source that serves it. The loop is in queue_mapping.py."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Final, Self

from router.config.node import Node
from router.config.types import Names, Queue
from router.errors import ConfigError
from router.events.filters import Filters
from router.events.polling import MOST
from router.sources.base import Binding, House, Outlet, basis_of
from router.sources.mapping_keys import filters

BATCH: Final = 10_000  # messages of a standard queue; 10 of a FIFO queue
FIFO_BATCH: Final = 10
WITHOUT_WINDOW: Final = 10  # larger batches need a window
_KNOWN: Final = ("name", "batch_size", "batch_window", "filter", "report_batch_item_failures", "maximum_concurrency")


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """`queue: {name, batch_size, batch_window, …}`, or the queue's name alone."""

    word: ClassVar[str] = "queue"

    queue: Queue
    batch_size: int = 10
    batch_window: float = 0.0  # seconds
    filters: Filters = field(default_factory=Filters)
    partial: bool = False  # report_batch_item_failures
    maximum_concurrency: int | None = None

    @classmethod
    def read(cls, node: Node, names: Names) -> Self:
        """Read the value under `queue:`; an unknown queue is a problem."""
        form = node.form(main="name", known=_KNOWN)
        name = form.text("name")
        if form.has("name") and name not in names.queues:
            form.problem(f"no queue has the name {name}{form.did_you_mean(name, names.queues)}", "name")
        queue = names.queues.get(name, Queue(name))
        size = form.integer("batch_size", 10, low=1, high=FIFO_BATCH if queue.fifo else BATCH)
        window = form.seconds("batch_window", 0.0, low=0, high=300)
        if queue.fifo and window:
            form.problem("a FIFO queue's batches wait for nothing", "batch_window")
        elif size > WITHOUT_WINDOW and window < 1:
            form.problem(f"a batch_size over {WITHOUT_WINDOW} needs a batch_window of at least 1 s", "batch_size")
        return cls(
            queue=queue,
            batch_size=size,
            batch_window=window,
            filters=filters(form, "body"),
            partial=form.boolean("report_batch_item_failures", default=False),
            maximum_concurrency=form.integer("maximum_concurrency", low=2, high=1000) if form.has("maximum_concurrency") else None,
        )

    @property
    def claim(self) -> str:
        """Nothing: several functions may share one queue, each message goes to one of them."""
        return ""


class QueueSource:
    """One function's event source mapping over one queue."""

    TRIGGERS: ClassVar = (QueueTrigger,)

    def __init__(self, binding: Binding, house: House, chance: random.Random | None = None) -> None:
        from router.sources.queue_mapping import QueueMapping  # noqa: PLC0415 - reading a config does without

        trigger: QueueTrigger = binding.trigger
        self.name = _name(binding)
        most = _most(binding, house)
        self.basis = _basis(binding, house)
        self._mapping = QueueMapping(
            trigger,
            binding,
            house,
            most=most,
            chance=chance or random.Random(),  # noqa: S311 - it only spreads retries
        )

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> list[Self]:
        """One for each binding. Raises ConfigError for what only function and queue together show."""
        if problems := [*_doubles(bindings), *_impatient(bindings)]:
            raise ConfigError(tuple(problems))
        return [house.source(_name(one), _basis(one, house), partial(cls, one, house)) for one in bindings]

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Deliver messages until *stop*; batches under way are finished. Raises SourceError when the store cannot be used."""
        await self._mapping.run(outlet, stop)

    def health(self) -> str:
        """Why no messages are received; what goes wrong with single batches is theirs."""
        return "" if self._mapping.attached else f"queue {self._mapping.queue} has not been read yet"


def _name(binding: Binding) -> str:
    return f"queue:{binding.trigger.queue.name}/{binding.function.name}"


def _basis(binding: Binding, house: House) -> object:
    return (basis_of([binding]), _most(binding, house), binding.function.timeout)


def _most(binding: Binding, house: House) -> int:
    """How many batches may be under way at once."""
    reserved = binding.function.reserved_concurrency
    most: int = binding.trigger.maximum_concurrency or MOST
    return min(most, house.config.limits.concurrency if reserved is None else reserved)


def _doubles(bindings: Sequence[Binding]) -> list[str]:
    pairs = Counter((binding.function.name, binding.trigger.queue.name) for binding in bindings)
    doubles = [pair for pair, count in pairs.items() if count > 1]
    return [f"functions.{function}.triggers: two triggers read queue {queue}; one is enough" for function, queue in doubles]


def _impatient(bindings: Sequence[Binding]) -> list[str]:
    """A message must not come again while its function may still run."""
    return [
        f"functions.{binding.function.name}.timeout: {binding.function.timeout:g} s is longer than the visibility timeout of queue"
        f" {binding.trigger.queue.name}, {binding.trigger.queue.visibility_timeout:g} s; six times the timeout is a good one"
        for binding in bindings
        if binding.function.timeout > binding.trigger.queue.visibility_timeout
    ]
