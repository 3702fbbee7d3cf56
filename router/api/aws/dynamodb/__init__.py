"""Amazon DynamoDB, API version 2012-08-10, over the daemon's tables (router/tables/store.py)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, NoReturn

from router.api.aws.declaring import Declared
from router.api.aws.dynamodb.batches import Batches
from router.api.aws.dynamodb.items import Items
from router.api.aws.dynamodb.managing import Managing
from router.api.aws.dynamodb.needs import Needs
from router.api.aws.dynamodb.pages import Pages
from router.api.aws.service import AwsError, Call, Members, Need, Operation
from router.iam.policy import Policy
from router.items.errors import Refused
from router.tables.store import Tables

Run = Callable[[Call], Awaitable[Members]]
Wanted = Callable[[Call], list[Need]]


class Dynamodb:
    """Tables and their items."""

    name: ClassVar[str] = "dynamodb"

    def __init__(self, tables: Tables, declared: Declared) -> None:
        items, pages, batches, managing = Items(tables), Pages(tables), Batches(tables), Managing(tables, declared)
        needs = Needs(tables, managing.arn)
        of_item: dict[str, Run] = {"GetItem": items.get, "PutItem": items.put, "UpdateItem": items.update, "DeleteItem": items.delete}
        of_table: dict[str, Run] = {
            "DeleteTable": managing.delete,
            "UpdateTable": managing.update,
            "DescribeTable": managing.describe,
            "DescribeTimeToLive": managing.ttl,
            "UpdateTimeToLive": managing.set_ttl,
            "DescribeContinuousBackups": managing.backups,
        }
        of_arn: dict[str, Run] = {"ListTagsOfResource": managing.tags, "TagResource": managing.tag, "UntagResource": managing.untag}
        of_all: dict[str, Run] = {
            "ListTables": managing.list,
            "DescribeLimits": managing.limits,
            "DescribeEndpoints": managing.endpoints,
            "ExecuteStatement": _no_partiql,
            "ExecuteTransaction": _no_partiql,
            "BatchExecuteStatement": _no_partiql,
        }
        self._operations: dict[str, Operation] = {
            **{name: _operation(run, needs.of_item(name)) for name, run in of_item.items()},
            **{name: _operation(run, needs.of_table(name)) for name, run in of_table.items()},
            **{name: _operation(run, needs.of_table(name, "ResourceArn")) for name, run in of_arn.items()},
            **{name: _operation(run, _anywhere(name)) for name, run in of_all.items()},
            "CreateTable": _operation(managing.create, _creation(needs)),
            "Query": _operation(pages.query, needs.of_page("Query")),
            "Scan": _operation(pages.scan, needs.of_page("Scan")),
            "BatchGetItem": _operation(batches.get, needs.of_batch("BatchGetItem")),
            "BatchWriteItem": _operation(batches.write, needs.of_batch("BatchWriteItem")),
            "TransactGetItems": _operation(batches.transact_get, needs.of_transaction),
            "TransactWriteItems": _operation(batches.transact_write, needs.of_transaction),
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        """See Service."""
        return self._operations

    def policy(self, resource: str) -> Policy | None:
        """Tables have none."""
        del resource
        return None


def _anywhere(action: str) -> Wanted:
    """PartiQL's actions are those of what a statement does; it is refused whoever asks."""
    return lambda _: [Need(f"dynamodb:{action}", "*")]


def _creation(needs: Needs) -> Wanted:
    create, tag = needs.of_table("CreateTable"), needs.of_table("TagResource")
    return lambda call: [*create(call), *(tag(call) if call.parameters.get("Tags") else [])]


def _operation(run: Run, needs: Wanted) -> Operation:
    return Operation(spoken(run), needs)


def spoken(run: Run) -> Run:
    """The same, with what items refuse in the endpoint's own words for errors."""

    async def told(call: Call) -> Members:
        try:
            return await run(call)
        except Refused as error:
            raise AwsError(str(error.code), str(error), 400, **error.members) from error

    return told


async def _no_partiql(_: Call) -> NoReturn:
    raise Refused("PartiQL is not done here: use GetItem, Query, PutItem and the other operations on items")
