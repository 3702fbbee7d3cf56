"""DynamoDB without a wire: calls in, members out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from router.api.aws.dynamodb import Dynamodb
from router.api.aws.service import AwsError, Call, Members
from router.iam.callers import Caller
from router.iam.evaluation import Policies
from router.iam.principals import user
from router.tables.store import Tables
from tests.helpers.clock import VirtualClock
from tests.unit.api.aws.fragments import Fragments

ACCOUNT = "123456789012"
REGION = "eu-west-1"
CALLER = Caller(user(ACCOUNT, "ops"), "AKIA", Policies())
WRITTEN: dict[str, Any] = {
    "tables": {
        "plain": {"hash": "id"},
        "carts": {
            "hash": "id",
            "range": {"name": "at", "type": "N"},
            "indexes": {
                "by_user": {"hash": "user", "range": {"name": "price", "type": "N"}, "projection": "KEYS_ONLY"},
                "by_state": {"hash": "state", "projection": {"include": ["price"]}},
                "by_price": {"range": {"name": "price", "type": "N"}},
            },
            "stream": "NEW_AND_OLD_IMAGES",
            "ttl": "expires",
        },
    }
}


class Rig:
    """The service, its tables, its clock."""

    def __init__(self, service: Dynamodb, tables: Tables, clock: VirtualClock, fragments: Fragments) -> None:
        self.service, self.tables, self.clock, self.fragments = service, tables, clock, fragments

    async def call(self, operation: str, table: str = "", **members: Any) -> Members:
        """One operation; *table*: put into TableName."""
        return await self.service.operations[operation].run(self.of(operation, table, **members))

    async def refused(self, operation: str, table: str = "", **members: Any) -> tuple[str, str]:
        """The code and the text of the refusal of one."""
        try:
            found = await self.call(operation, table, **members)
        except AwsError as error:
            return str(error.code), str(error)
        raise AssertionError(f"{operation} was done: {found}")

    def needs(self, operation: str, table: str = "", **members: Any) -> list[Any]:
        """What it needs."""
        return list(self.service.operations[operation].needs(self.of(operation, table, **members)))

    def of(self, operation: str, table: str, **members: Any) -> Call:
        """The call itself."""
        given = {"TableName": table, **members} if table else members
        return Call("dynamodb", operation, given, CALLER, "r-1", endpoint="http://localhost:4566")

    async def fill(self, table: str, *items: dict[str, Any]) -> None:
        """Put plain items: text, numbers, bytes become values."""
        for item in items:
            await self.call("PutItem", table, Item=typed(item))


def typed(item: dict[str, Any]) -> dict[str, Any]:
    """An item of plain Python values."""
    return {name: value_of(value) for name, value in item.items()}


def value_of(value: Any) -> dict[str, Any]:
    """One value."""
    if isinstance(value, dict):
        return value
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, bytes):
        return {"B": value}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


@asynccontextmanager
async def rig(path: Path, written: dict[str, Any] | None = None) -> AsyncIterator[Rig]:
    """Open, close."""
    clock, fragments = VirtualClock(), Fragments(path, WRITTEN if written is None else written)
    (path / "state").mkdir(exist_ok=True)
    tables = await Tables.open(path / "state", clock, fragments.config.item_tables, region=REGION, account=ACCOUNT)
    try:
        fragments.told.append(lambda config: tables.adopt(config.item_tables))
        yield Rig(Dynamodb(tables, fragments), tables, clock, fragments)
    finally:
        await tables.database.close()
