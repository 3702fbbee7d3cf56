"""Functions' own policies: statements that AddPermission made, kept in the store.

One policy for each target that has statements: a function, NAME, or one of its versions or aliases, NAME:QUALIFIER.
Source: Lambda API reference, AddPermission, GetPolicy, RemovePermission."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Self

import apsw
import orjson

from router.iam import reading
from router.iam.policy import BadPolicy, Policy
from router.journal.database import Database
from router.names import base

_STEPS: Final = (
    """
    CREATE TABLE function_permissions (
        target TEXT NOT NULL,     -- NAME or NAME:QUALIFIER
        sid TEXT NOT NULL,
        statement BLOB NOT NULL,  -- JSON
        PRIMARY KEY (target, sid)
    ) WITHOUT ROWID;
    """,
)
_READ: Final = "SELECT target, sid, statement FROM function_permissions ORDER BY target, sid"
_ADD: Final = "INSERT INTO function_permissions VALUES (?, ?, ?)"
_REMOVE: Final = "DELETE FROM function_permissions WHERE target = ? AND sid = ?"
_FORGET: Final = "DELETE FROM function_permissions WHERE target = ? OR substr(target, 1, length(?) + 1) = ? || ':'"

Statement = Mapping[str, Any]


class Permissions:
    """The policies of one daemon's functions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements: dict[str, dict[str, Statement]] = {}  # target → sid → statement
        self._policies: dict[str, Policy] = {}

    @classmethod
    async def open(cls, database: Database) -> Self:
        """What is kept, read. Raises JournalError."""
        await database.migrate("function_permissions", _STEPS)
        found = cls(database)
        for target, sid, statement in await database.read(_READ):
            found._statements.setdefault(target, {})[sid] = orjson.loads(statement)
        return found

    def statements(self, target: str) -> list[Statement]:
        """Those of a target."""
        return list(self._statements.get(target, {}).values())

    def get(self, target: str, sid: str) -> Statement | None:
        """One of them."""
        return self._statements.get(target, {}).get(sid)

    def document(self, target: str) -> dict[str, Any] | None:
        """The policy of a target, as GetPolicy shows it; None when it has none."""
        statements = self.statements(target)
        return {"Version": "2012-10-17", "Id": "default", "Statement": statements} if statements else None

    def policy(self, target: str) -> Policy | None:
        """The same, read."""
        document = self.document(target)
        if document is None:
            return None
        if target not in self._policies:
            self._policies[target] = reading.read(document, name=f"the policy of function {target}", kind="resource")
        return self._policies[target]

    def check(self, target: str, statement: Statement) -> None:
        """Raise BadPolicy when the policy would not be one, or too long, with one more statement."""
        document = {"Version": "2012-10-17", "Id": "default", "Statement": [*self.statements(target), statement]}
        reading.read(document, name="the policy", kind="resource")
        if len(orjson.dumps(document)) > reading.LIMIT:
            raise BadPolicy(())

    async def add(self, target: str, statement: Statement) -> None:
        """One more, durable on return. Raises BadPolicy, JournalError."""
        self.check(target, statement)
        sid = str(statement["Sid"])
        await self._database.land(_one(_ADD, target, sid, orjson.dumps(statement)), lambda _: self._note(target, sid, statement))

    async def remove(self, target: str, sid: str) -> None:
        """One less, durable on return. Raises JournalError."""
        await self._database.land(_one(_REMOVE, target, sid), lambda _: self._note(target, sid, None))

    def forgetting(self, name: str) -> Callable[[apsw.Connection], None]:
        """What takes away all statements of a function and its qualifiers, or of one of these, in somebody's transaction."""
        return forgetting(name)

    def forget(self, name: str) -> None:
        """That transaction is done."""
        for target in [target for target in self._statements if name in {target, base(target)}]:
            self._statements.pop(target)
            self._policies.pop(target, None)

    def _note(self, target: str, sid: str, statement: Statement | None) -> None:
        statements = self._statements.setdefault(target, {})
        if statement is None:
            statements.pop(sid, None)
        else:
            statements[sid] = statement
        if not statements:
            del self._statements[target]
        self._policies.pop(target, None)


def forgetting(name: str) -> Callable[[apsw.Connection], None]:
    """Permissions.forgetting, of a store that no daemon has open."""
    return _one(_FORGET, name, name, name)


def _one(sql: str, *params: Any) -> Callable[[apsw.Connection], None]:
    def unit(connection: apsw.Connection) -> None:
        connection.execute(sql, params).fetchall()

    return unit
