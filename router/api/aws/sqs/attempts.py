"""ReceiveRequestAttemptId: a receive of a FIFO queue whose answer was lost on the way is answered again.

Source: Amazon SQS API reference, ReceiveMessage. Kept in memory, for five minutes and up to LIMIT bytes: after a restart such a
receive finds what is visible, as one without an attempt id does."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from router.clock import Clock
from router.errors import RouterError
from router.events.sqs import Message
from router.events.sqs_rules import DEDUPLICATION
from router.queues.store import Queues

LIMIT: Final = 32 * 1024 * 1024  # characters of bodies that are kept


class Attempts:
    """What receives with an attempt id were answered."""

    def __init__(self, queues: Queues, clock: Clock) -> None:
        self._queues, self._clock = queues, clock
        self._kept: OrderedDict[tuple[str, str], tuple[float, Sequence[Message]]] = OrderedDict()  # oldest first; with the time, monotonic
        self._size = 0

    async def again(self, queue: str, attempt: str, visibility: float) -> Sequence[Message]:
        """The messages of an earlier receive that nobody else has got since, hidden anew; () when there are none."""
        self._forget()
        _, messages = self._kept.get((queue, attempt), (0.0, ()))
        if not messages:
            return ()
        answers = await self._queues.change_visibility(queue, [(message.handle, visibility) for message in messages])
        left = [message for message, answer in zip(messages, answers, strict=True) if not isinstance(answer, RouterError)]
        if not left:
            self._remove((queue, attempt))
        return left

    def keep(self, queue: str, attempt: str, messages: Sequence[Message]) -> None:
        """Remember what a receive is about to be answered."""
        if not messages:
            return
        self._remove((queue, attempt))
        self._kept[queue, attempt] = self._clock.monotonic(), messages
        self._size += _size(messages)
        self._forget()

    def _forget(self) -> None:
        until = self._clock.monotonic() - DEDUPLICATION
        while self._kept and (self._size > LIMIT or next(iter(self._kept.values()))[0] < until):
            self._remove(next(iter(self._kept)))

    def _remove(self, key: tuple[str, str]) -> None:
        _, messages = self._kept.pop(key, (0.0, ()))
        self._size -= _size(messages)


def _size(messages: Sequence[Message]) -> int:
    return sum(len(message.body) + 1000 for message in messages)
