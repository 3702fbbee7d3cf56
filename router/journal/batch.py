"""Many small calls as one unit of the store: what is called while a unit waits for the disk joins the next one."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

import apsw

from router.errors import JournalError, RouterError
from router.journal.database import Database, as_ours

Item = TypeVar("Item")
Answer = TypeVar("Answer")

UNIT_ITEMS: Final = 512
LINGER: Final = 0.05  # seconds that what nobody waits for may wait for a unit
UNIT_BYTES: Final = 8 * 1024 * 1024
WAITING_BYTES: Final = 64 * 1024 * 1024  # more than this waits for the disk: refuse, memory is bounded

_Entry = tuple[Item, int, asyncio.Future[Answer] | None]  # its bytes; None: nobody waits for the answer


class Batcher(Generic[Item, Answer]):
    """Collects items and has *run* do them in the writer thread, all in one unit and in the order of the calls.

    *run* gives one answer an item, an exception being one too. *landed* hears, on the loop's thread, of every item that is
    durable, whether or not its caller still waits. When the unit fails, all its items fail alike."""

    def __init__(
        self,
        database: Database,
        run: Callable[[apsw.Connection, Sequence[Item]], Sequence[Answer | RouterError]],
        landed: Callable[[Item, Answer], None],
        *,
        patient: bool = False,
    ) -> None:
        """*patient*: as Database.submit says."""
        self._database, self._run, self._landed, self._patient = database, run, landed, patient
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Entry[Item, Answer]] = deque()  # filled on the loop's thread, emptied by the unit
        self._waiting_bytes = 0  # of the loop's thread alone
        self._handed_over = False  # a unit is on its way that has not begun to empty the deque
        self._open = 0  # items that are neither done nor failed
        self._timer: asyncio.TimerHandle | None = None  # for what was posted

    async def do(self, item: Item, size: int = 0) -> Answer:
        """Have *item* done; its answer, once synced. *size*: bytes that it holds in memory. Raises JournalError."""
        if self._waiting_bytes + size > WAITING_BYTES and self._waiting_bytes:
            raise JournalError("the disk does not keep up, too much waits for it already; try again in a moment")
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._put((item, size, future))
        return await future

    def post(self, item: Item) -> None:
        """Have *item* done with the next unit, which comes LINGER seconds later if nobody else needs one; nobody waits for it."""
        self._waiting.append((item, 0, None))
        self._open += 1
        if self._timer is None:
            self._timer = self._loop.call_later(LINGER, self._press)

    async def flush(self) -> None:
        """Return when everything that was handed in is done or has failed."""
        if self._open:
            for _ in range(len(self._waiting) // UNIT_ITEMS + 1):
                self._press()
                with suppress(JournalError):
                    await self._database.transact(lambda _: None)

    def _press(self) -> None:
        """Have what waits done now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and not self._handed_over:
            self._hand_over()

    def _put(self, entry: _Entry[Item, Answer]) -> None:
        self._waiting.append(entry)
        self._open += 1
        self._waiting_bytes += entry[1]
        if not self._handed_over:
            self._hand_over()

    def _hand_over(self, *, following: bool = False) -> None:
        taken: list[_Entry[Item, Answer]] = []

        def unit(connection: apsw.Connection) -> Sequence[Answer | RouterError]:
            self._handed_over = False  # before emptying: who comes later sends a unit of its own
            size = 0
            while self._waiting and len(taken) < UNIT_ITEMS and size < UNIT_BYTES:
                taken.append(self._waiting.popleft())
                size += taken[-1][1]
            if self._waiting and not self._handed_over:
                self._hand_over(following=True)
            return self._run(connection, [item for item, _, _ in taken])

        def done(answers: Sequence[Answer | RouterError], error: BaseException | None) -> None:
            if error is not None and not taken:  # the store is down, the unit never began
                self._handed_over = False
                taken.extend(self._waiting)
                self._waiting.clear()
            self._deliver(taken, [as_ours(error)] * len(taken) if error is not None else answers)

        self._handed_over = True
        try:
            if following:
                self._database.follow(unit, done)
            else:
                self._database.submit(unit, done, patient=self._patient)
        except JournalError as error:
            done((), error)

    def _deliver(self, taken: Sequence[_Entry[Item, Answer]], answers: Sequence[Any]) -> None:
        for (item, size, future), answer in zip(taken, answers, strict=True):
            self._open -= 1
            self._waiting_bytes -= size
            failed = isinstance(answer, RouterError)
            if not failed:
                self._landed(item, answer)
            if future is None or future.done():
                continue
            if failed:
                future.set_exception(answer)
            else:
                future.set_result(answer)
