"""The tables of a daemon: writes durable on return, reads that see every write that returned. The AWS endpoint and feeds come through here."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self, TypeVar

import apsw
import structlog

from router.clock import Clock, steady
from router.config.types import ItemTable
from router.errors import JournalError
from router.items.errors import Refused
from router.items.values import Item
from router.journal.database import Database
from router.tables import adoption, reading
from router.tables.queries import SQL
from router.tables.reading import Page, Wanted
from router.tables.stored import Stored, StreamRow, not_found
from router.tables.writing import Change, Done, Work, transact

log = structlog.get_logger("router.tables")

T = TypeVar("T")

STEPS: Final = (SQL["schema_1"], SQL["schema_2"])
FILE: Final = Path("tables") / "tables.db"  # in the state directory
TOKEN_SECONDS: Final = 600.0  # that a transaction's token is remembered; DynamoDB, "TransactWriteItems"


class Figures(NamedTuple):
    """How much a table has."""

    items: int
    size: int  # bytes


class Tables:
    """All tables of the config. Its database is closed by whoever opened it."""

    def __init__(self, database: Database, clock: Clock, *, region: str, account: str) -> None:
        self.database, self.clock = database, clock
        self.region, self.account = region, account
        self.definitions: Mapping[str, ItemTable] = {}
        self.time = steady(clock)  # what transactions' tokens go by
        self._live: Mapping[str, Stored] = {}  # the writer thread's; read elsewhere
        self._pending: asyncio.Future[None] | None = None  # the last adoption, while it is under way
        self._bells: dict[str, set[Callable[[], None]]] = {}  # table → who waits for records of its stream

    @classmethod
    async def open(cls, state: Path, clock: Clock, definitions: Mapping[str, ItemTable], *, region: str, account: str) -> Self:
        """Open or create the file in the state directory, and bring these tables up to date. Raises JournalError."""
        path = state / FILE
        await asyncio.to_thread(path.parent.mkdir, mode=0o700, exist_ok=True)
        database = await Database.open(path)
        tables = cls(database, clock, region=region, account=account)
        try:
            await database.migrate("tables", STEPS)
            latest = (await database.read(SQL["latest_token"]))[0][0]
            tables.time = steady(clock, latest)
            tables.adopt(definitions, starting=True)
            await tables.settled()
        except BaseException:
            await database.close()
            raise
        return tables

    # -- definitions

    def adopt(self, definitions: Mapping[str, ItemTable], *, starting: bool = False) -> asyncio.Future[None]:
        """These are the tables from now on, in force once the future is done. Items of one that is gone stay until it is back."""
        self.definitions = definitions
        pending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending = pending

        def unit(connection: apsw.Connection) -> dict[str, Stored]:
            self._live = live = adoption.adopt(connection, definitions, self.clock.now(), starting=starting)
            return live

        def done(live: dict[str, Stored] | None, error: BaseException | None) -> None:
            if live is None:
                self._live = {}  # what was made of it was undone
                pending.set_exception(error or JournalError("the tables could not be brought up to date"))
                pending.exception()  # whoever asks for a table hears of it
                return
            for stored in live.values():
                if stored.wrong:
                    log.error("table_refused", table=stored.definition.name, error=stored.wrong)
            pending.set_result(None)

        self.database.submit(unit, done)
        return pending

    def take(self, definitions: Mapping[str, ItemTable]) -> None:
        """The same, when they are other ones."""
        if definitions != self.definitions:
            self.adopt(definitions)

    async def settled(self) -> None:
        """Return once the tables are in force; what failed is tried again. Raises JournalError."""
        pending = self._pending
        if pending is None:
            return
        if pending.done() and pending.exception() is not None:
            pending = self.adopt(self.definitions)
        await asyncio.shield(pending)

    def get(self, name: str, *, told: bool = False) -> Stored:
        """A table. Raises Refused, which names the table with *told*."""
        stored = self._live.get(name)
        if stored is None or name not in self.definitions:
            raise not_found(name if told else "")
        if stored.wrong:
            raise Refused(stored.wrong, "ResourceInUseException")
        return stored

    def problems(self) -> list[str]:
        """Why tables are not served, a sentence each."""
        return [stored.wrong for stored in self._live.values() if stored.wrong]

    def live(self) -> Mapping[str, Stored]:
        """Those that are served."""
        return {name: stored for name, stored in self._live.items() if not stored.wrong}

    async def figures(self, stored: Stored) -> Figures:
        """How much a table has."""
        rows = await self.database.read(SQL["table_figures"], stored.id)
        return Figures(*rows[0]) if rows else Figures(0, 0)

    async def entries(self, stored: Stored) -> dict[str, int]:
        """Index → items in it."""
        return {name: (await self.database.read(SQL["index_entries"], index.id))[0][0] for name, index in stored.indexes.items()}

    async def let_go(self, name: str) -> None:
        """All that is stored of a table is to go with the change of its declaration that is about to be made, in the transaction that
        takes the change up: when it is declared no more, or, where it is not, when it is declared anew. Durable on return.

        A daemon that dies before the change is durable keeps it; one that dies behind it forgets it at the next start."""
        await self.database.write(SQL["let_go_of"], name in self.definitions, name)

    async def keep(self, name: str) -> None:
        """Its declaration has not changed."""
        await self.database.write(SQL["keep"], name)

    # -- items

    async def work(self, unit: Callable[[Work], T], *, grows: bool = True) -> T:
        """Run *unit* as one transaction; durable on return. What it raises undoes it. Raises JournalError.

        One that *grows* the store is refused while only the reserve of the device is left: what removes items makes room."""
        await self.settled()
        told: set[str] = set()

        def whole(connection: apsw.Connection) -> T:
            if grows:
                self.database.refuse_when_full()
            work = Work(connection, self.live(), now=self.clock.now(), region=self.region, account=self.account)
            result = unit(work)
            told.update(work.told)
            return result

        return await self.database.land(whole, lambda _: self._ring(told))

    async def change(self, change: Change) -> Done:
        """Change one item. Raises Refused, JournalError."""
        return await self.work(lambda work: work.apply(change), grows=change.kind != "delete")

    async def change_each(self, changes: Sequence[Change]) -> list[Done]:
        """Change several, together in one commit. Raises Refused, JournalError."""
        return await self.work(lambda work: [work.apply(change) for change in changes])

    async def transact(self, changes: Sequence[Change], token: str, request: bytes) -> list[Done] | None:
        """All of them or none; None: a transaction with this token was done before. Raises Refused, JournalError."""
        digest = hashlib.sha256(request).hexdigest()

        def unit(work: Work) -> list[Done] | None:
            known = work.token(token, self.time() - TOKEN_SECONDS) if token else ""
            if known == digest:
                return None
            if known:
                raise Refused(
                    "Request parameters do not match the parameters of an earlier request with the same client request token",
                    "IdempotentParameterMismatchException",
                )
            done = transact(work, changes)
            if token:
                work.remember(token, digest, self.time())
            return done

        return await self.work(unit)

    async def items(self, wanted: Sequence[tuple[str, Item]]) -> list[Item | None]:
        """Items by table and key, as of one moment. Raises Refused, JournalError."""
        await self.settled()
        found = [(self.get(name), key) for name, key in wanted]
        return await self.database.inquire(lambda connection: reading.items(connection, found))

    async def page(self, stored: Stored, wanted: Wanted) -> Page:
        """One page of a query or a scan. Raises JournalError."""
        return await self.database.inquire(lambda connection: reading.page(connection, stored, wanted))

    # -- streams

    def listen(self, name: str, bell: Callable[[], None]) -> None:
        """Have *bell* called when there are records of a table's stream."""
        self._bells.setdefault(name, set()).add(bell)

    def unlisten(self, name: str, bell: Callable[[], None]) -> None:
        """No more."""
        self._bells.get(name, set()).discard(bell)

    def heard(self, name: str) -> bool:
        """Whether somebody reads a table's stream."""
        return bool(self._bells.get(name))

    def _ring(self, told: set[str]) -> None:
        for name in told:
            for bell in tuple(self._bells.get(name, ())):
                bell()

    async def streams(self, name: str = "") -> list[StreamRow]:
        """Every stream there is, or those of a table; by table and age."""
        rows = await (self.database.read(SQL["streams_of"], name) if name else self.database.read(SQL["streams"]))
        return [StreamRow(*row) for row in rows]

    async def open_stream(self, name: str) -> StreamRow | None:
        """The stream that a table's changes go to; else the last one it had."""
        found = await self.streams(name)
        return found[-1] if found else None
