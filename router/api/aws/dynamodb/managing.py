"""DynamoDB's operations on tables themselves. What is made or changed here is declared (router/api/declared.py): durable, and in force on return."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from router import names
from router.api.aws.declaring import Declared
from router.api.aws.dynamodb import defining
from router.api.aws.dynamodb.defining import Value
from router.api.aws.dynamodb.reading import mapping, number, structures, table_name, text, texts, truth
from router.api.aws.service import Call, Members
from router.errors import ConfigError, InvalidParameter, RouterError
from router.items.errors import Refused, invalid
from router.tables.store import Tables
from router.tables.stored import Stored, StoredIndex, not_found

KIND: Final = "tables"
PAGE: Final = 100  # tables of one answer
MOST_TAGS: Final = 50
LIMITS: Final = {  # of an account whose quotas nobody has raised
    "AccountMaxReadCapacityUnits": 80_000,
    "AccountMaxWriteCapacityUnits": 80_000,
    "TableMaxReadCapacityUnits": 40_000,
    "TableMaxWriteCapacityUnits": 40_000,
}


class Managing:
    """What is done with tables."""

    def __init__(self, tables: Tables, declared: Declared) -> None:
        self._tables, self._declared = tables, declared
        self._turn = asyncio.Lock()  # changes are read, made and declared one after another

    def arn(self, name: str) -> str:
        """Of a table."""
        return names.table_arn(self._tables.region, self._tables.account, name)

    # -- there or not

    async def create(self, call: Call) -> Members:
        """CreateTable: an empty one, also where a table of that name was taken out of config.yaml with its items."""
        name = table_name(call.parameters)
        value = defining.created(call.parameters)
        async with self._turn:
            if name in self._tables.definitions or self._declared.owner(KIND, name) is not None:
                raise Refused(f"Table already exists: {name}", "ResourceInUseException")
            async with self._letting_go(name):
                await self._declare(name, value)
        return {"TableDescription": await self._described(self._tables.get(name, told=True))}

    async def delete(self, call: Call) -> Members:
        """DeleteTable: with all its items."""
        async with self._turn:
            stored = await self._own(call.parameters)
            name = stored.definition.name
            if stored.definition.deletion_protection:
                raise Refused(
                    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
                )
            told = await self._described(stored)
            try:
                async with self._letting_go(name):
                    await self._declared.remove(KIND, name)
            except (InvalidParameter, ConfigError) as error:
                raise Refused(f"Table {name} is still needed: {error}", "ResourceInUseException") from error
            await self._tables.settled()
        return {"TableDescription": {**told, "TableStatus": "DELETING"}}

    async def update(self, call: Call) -> Members:
        """UpdateTable."""
        stored = await self._changed(call.parameters, lambda value: defining.updated(value, call.parameters))
        return {"TableDescription": await self._described(stored)}

    async def describe(self, call: Call) -> Members:
        """DescribeTable."""
        return {"Table": await self._described(await self._found(call.parameters))}

    async def list(self, call: Call) -> Members:
        """ListTables."""
        most = number(call.parameters, "Limit", low=1, high=PAGE) or PAGE
        after = text(call.parameters, "ExclusiveStartTableName", "")
        await self._tables.settled()
        found = sorted(name for name in self._tables.live() if name > after)
        more = {"LastEvaluatedTableName": found[most - 1]} if len(found) > most else {}
        return {"TableNames": found[:most], **more}

    # -- settings

    async def ttl(self, call: Call) -> Members:
        """DescribeTimeToLive."""
        attribute = (await self._found(call.parameters)).definition.ttl
        told = {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute} if attribute else {"TimeToLiveStatus": "DISABLED"}
        return {"TimeToLiveDescription": told}

    async def set_ttl(self, call: Call) -> Members:
        """UpdateTimeToLive."""
        given = mapping(call.parameters, "TimeToLiveSpecification")
        enabled, attribute = truth(given, "Enabled"), text(given, "AttributeName")

        def change(value: Value) -> Value:
            there = value.get("ttl", "")
            if enabled and there:
                raise Refused("TimeToLive is already enabled")
            if not enabled and not there:
                raise Refused("TimeToLive is already disabled")
            if not enabled and there != attribute:
                raise Refused(f"TimeToLive is active on a different AttributeName: current AttributeName is {there}")
            return {**value, "ttl": attribute} if enabled else {key: one for key, one in value.items() if key != "ttl"}

        await self._changed(call.parameters, change)
        return {"TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": attribute}}

    async def tags(self, call: Call) -> Members:
        """ListTagsOfResource."""
        stored = await self._found({"TableName": text(call.parameters, "ResourceArn")})
        return {"Tags": [{"Key": key, "Value": value} for key, value in stored.definition.tags.items()]}

    async def tag(self, call: Call) -> Members:
        """TagResource."""
        more = {text(one, "Key"): text(one, "Value", "") for one in structures(call.parameters, "Tags")}

        def change(value: Value) -> Value:
            tags = {**value.get("tags", {}), **more}
            if len(tags) > MOST_TAGS:
                invalid("Too many tags: a table has at most 50")
            return {**value, "tags": tags}

        await self._changed({"TableName": text(call.parameters, "ResourceArn")}, change)
        return {}

    async def untag(self, call: Call) -> Members:
        """UntagResource."""
        gone = texts(call.parameters, "TagKeys")
        arn = text(call.parameters, "ResourceArn")
        await self._changed(
            {"TableName": arn}, lambda value: {**value, "tags": {key: one for key, one in value.get("tags", {}).items() if key not in gone}}
        )
        return {}

    async def limits(self, _: Call) -> Members:
        """DescribeLimits: AWS's defaults; nothing here is limited by them."""
        return dict(LIMITS)

    async def endpoints(self, call: Call) -> Members:
        """DescribeEndpoints: this one."""
        return {"Endpoints": [{"Address": call.endpoint.partition("://")[2], "CachePeriodInMinutes": 1440}]}

    async def backups(self, call: Call) -> Members:
        """DescribeContinuousBackups: there are none."""
        await self._found(call.parameters)
        off = {"PointInTimeRecoveryStatus": "DISABLED"}
        return {"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "DISABLED", "PointInTimeRecoveryDescription": off}}

    # -- what they share

    async def _found(self, members: Members) -> Stored:
        name = table_name(members)
        await self._tables.settled()
        return self._tables.get(name, told=True)

    async def _own(self, members: Members) -> Stored:
        """A table that the API may change. Raises Refused."""
        stored = await self._found(members)
        name = stored.definition.name
        if self._declared.owner(KIND, name) == "config":
            raise Refused(f"Table {name} is declared in config.yaml: change it there, then router reload", "ResourceInUseException")
        return stored

    async def _changed(self, members: Members, change: Any) -> Stored:
        async with self._turn:
            stored = await self._own(members)
            value = defining.spelled(stored.definition)
            wanted = change(value)
            if wanted != value:
                await self._declare(stored.definition.name, wanted)
            return self._tables.get(stored.definition.name, told=True)

    @asynccontextmanager
    async def _letting_go(self, name: str) -> AsyncIterator[None]:
        """While the declaration of a table changes with which all that is stored of it goes; a refusal keeps it."""
        await self._tables.let_go(name)
        try:
            yield
        except RouterError:
            await self._tables.keep(name)
            raise

    async def _declare(self, name: str, value: Value) -> None:
        try:
            await self._declared.put(KIND, name, value)
        except (InvalidParameter, ConfigError) as error:
            raise Refused(f"One or more parameter values were invalid: {error}") from error
        await self._tables.settled()
        if name not in self._tables.definitions:
            raise not_found(name)

    async def _described(self, stored: Stored) -> dict[str, Any]:
        """A TableDescription."""
        table, figures = stored.definition, await self._tables.figures(stored)
        status = "ACTIVE" if all(index.ready for index in stored.indexes.values()) else "UPDATING"
        made: dict[str, Any] = {
            "AttributeDefinitions": defining.attribute_definitions(table),
            "TableName": table.name,
            "KeySchema": defining.key_schema(table.hash, table.range),
            "TableStatus": status,
            "CreationDateTime": stored.made,
            "ProvisionedThroughput": _throughput(table.capacity),
            "TableSizeBytes": figures.size,
            "ItemCount": figures.items,
            "TableArn": self.arn(table.name),
            "TableId": stored.uuid,
            "DeletionProtectionEnabled": table.deletion_protection,
        }
        if table.capacity is None:
            made["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
        if table.indexes:
            made |= await self._indexes(stored)
        return made | await self._stream(stored)

    async def _indexes(self, stored: Stored) -> dict[str, Any]:
        found: dict[str, Any] = {}
        counts = await self._tables.entries(stored)
        for name, index in stored.indexes.items():
            local = index.definition.local
            found.setdefault("LocalSecondaryIndexes" if local else "GlobalSecondaryIndexes", []).append(
                self._index(stored, index, counts[name])
            )
        return found

    def _index(self, stored: Stored, index: StoredIndex, count: int) -> dict[str, Any]:
        definition = index.definition
        told = {
            "IndexName": definition.name,
            "KeySchema": defining.key_schema(definition.hash, definition.range),
            "Projection": defining.projection(definition),
            "IndexArn": f"{self.arn(stored.definition.name)}/index/{definition.name}",
            "IndexSizeBytes": 0,
            "ItemCount": count,
        }
        if definition.local:
            return told
        status: dict[str, Any] = {"IndexStatus": "ACTIVE"} if index.ready else {"IndexStatus": "CREATING", "Backfilling": True}
        return told | status | {"ProvisionedThroughput": _throughput(stored.definition.capacity)}

    async def _stream(self, stored: Stored) -> dict[str, Any]:
        """What a description says of the stream: the last one also when it has ended."""
        row = await self._tables.open_stream(stored.definition.name)
        if row is None:
            return {}
        arn = names.stream_arn(self._tables.region, self._tables.account, row.table, row.label)
        told: dict[str, Any] = {"LatestStreamLabel": row.label, "LatestStreamArn": arn}
        if stored.stream is not None:
            told["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stored.stream.view}
        return told


def _throughput(capacity: tuple[int, int] | None) -> Mapping[str, int]:
    read, write = capacity or (0, 0)
    return {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": read, "WriteCapacityUnits": write}
