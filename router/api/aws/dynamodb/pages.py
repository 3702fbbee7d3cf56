"""Query and Scan."""

from collections.abc import Iterator
from typing import Any, Final

from router.api.aws.dynamodb import capacity
from router.api.aws.dynamodb.capacity import Consumed
from router.api.aws.dynamodb.expressions import Expressions
from router.api.aws.dynamodb.reading import choice, number, table_name, text, truth
from router.api.aws.service import Call, Members
from router.items.errors import Refused, invalid
from router.items.keys import Schema, encoded, read_key, segment, spread
from router.items.nodes import Condition, Steps
from router.items.ranges import Stretch, stretch
from router.items.trees import attributes
from router.items.values import Item, checked_item, kind_of
from router.tables.reading import Page, Wanted
from router.tables.store import Tables
from router.tables.stored import Stored, StoredIndex

SELECT: Final = ("SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES")
MOST_SEGMENTS: Final = 1_000_000
_QUERYS: Final = "1 validation error detected: "  # in front of what a Query's Select contradicts, and not a Scan's, as recorded of AWS


class Pages:
    """Answers page by page; LastEvaluatedKey says where the next one begins."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def query(self, call: Call) -> Members:
        """Query."""
        members = call.parameters
        expressions = Expressions(members)
        key_condition = expressions.key_condition()
        condition, paths = expressions.condition("FilterExpression", "QueryFilter"), expressions.projection()
        expressions.finish()
        stored, index = await self._place(members)
        schema = index.schema if index is not None else stored.schema
        within = stretch(key_condition, schema)
        _refuse_keys(condition, schema, "Filter Expression" if members.get("QueryFilter") is None else "QueryFilter")
        expressions.refuse_inner(stored)
        start = _start(stored, index, members)
        _refuse_beside(within, schema, start)
        forward = truth(members, "ScanIndexForward", default=True)
        wanted = _wanted(members, stored, index, condition=condition, paths=paths, within=within, forward=forward, start=start)
        return await self._answer(members, stored, wanted)

    async def scan(self, call: Call) -> Members:
        """Scan."""
        members = call.parameters
        expressions = Expressions(members)
        condition, paths = expressions.condition("FilterExpression", "ScanFilter"), expressions.projection()
        expressions.finish()
        stored, index = await self._place(members)
        start = _start(stored, index, members)
        begun = None if start is None else spread(start[(index or stored).schema.hash.name])
        wanted = _wanted(members, stored, index, condition=condition, paths=paths, segment=_segment(members, begun), start=start)
        expressions.refuse_inner(stored)
        return await self._answer(members, stored, wanted)

    async def _place(self, members: Members) -> tuple[Stored, StoredIndex | None]:
        """The table and the index. Raises Refused."""
        name = table_name(members)
        await self._tables.settled()
        stored = self._tables.get(name)
        if members.get("IndexName") is None:
            return stored, None
        index = stored.index(text(members, "IndexName"))
        if truth(members, "ConsistentRead") and not index.definition.local:
            raise Refused("Consistent reads are not supported on global secondary indexes")
        if not index.ready:
            raise Refused(f"Cannot read from backfilling global secondary index: {index.definition.name}")
        return stored, index

    async def _answer(self, members: Members, stored: Stored, wanted: Wanted) -> Members:
        how, counted = capacity.wanted(members), members.get("Select") == "COUNT"
        page = await self._tables.page(stored, wanted)
        answer: dict[str, Any] = {"Count": len(page.items), "ScannedCount": page.scanned}
        if not counted:
            answer["Items"] = page.items
        if page.last is not None:
            answer["LastEvaluatedKey"] = page.last
        if how != "NONE":
            answer["ConsumedCapacity"] = _consumed(stored, wanted, page, members).told(how)
        return answer


def _consumed(stored: Stored, wanted: Wanted, page: Page, members: Members) -> Consumed:
    consumed = Consumed(stored)
    name = wanted.index.definition.name if wanted.index is not None else ""
    consistent = truth(members, "ConsistentRead")
    consumed.read(page.size, consistent=consistent, index=name)
    for size in page.fetched:
        consumed.read(size, consistent=consistent)
    return consumed


def _wanted(
    members: Members,
    stored: Stored,
    index: StoredIndex | None,
    *,
    condition: Condition | None,
    paths: tuple[Steps, ...],
    within: Stretch | None = None,
    start: Item | None,
    forward: bool = True,
    segment: tuple[bytes, bytes | None] = (b"", None),
) -> Wanted:
    select = _select(members, stored, index, paths, said=_QUERYS if within is not None else "")
    return Wanted(
        index=index,
        stretch=within,
        segment=segment,
        forward=forward,
        start=start,
        limit=number(members, "Limit", low=1),
        condition=condition,
        paths=paths,
        whole=index is None or _fetches(stored, index, select, paths),
    )


def _select(members: Members, stored: Stored, index: StoredIndex | None, paths: tuple[Steps, ...], *, said: str) -> str:
    """What of an item is wanted. *said*: in front of what contradicts itself. Raises Refused for that, and for what the index has not."""
    default = "SPECIFIC_ATTRIBUTES" if paths else "ALL_ATTRIBUTES" if index is None else "ALL_PROJECTED_ATTRIBUTES"
    select = choice(members, "Select", SELECT, default)
    what = "ProjectionExpression" if members.get("ProjectionExpression") is not None else "AttributesToGet"
    if paths and select != "SPECIFIC_ATTRIBUTES":
        told = "only the Count" if select == "COUNT" else select
        raise Refused(f"{said}Cannot specify the {what} when choosing to get {told}")
    if select == "SPECIFIC_ATTRIBUTES" and not paths:
        raise Refused(f"{said}Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
    if index is None:
        if select == "ALL_PROJECTED_ATTRIBUTES":
            raise Refused(f"{said}ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    elif not index.definition.local and index.definition.projection != "ALL":
        _refuse_unprojected(stored, index, select, paths)
    return select


def _refuse_unprojected(stored: Stored, index: StoredIndex, select: str, paths: tuple[Steps, ...]) -> None:
    name = index.definition.name
    if select == "ALL_ATTRIBUTES":
        invalid(f"Select type ALL_ATTRIBUTES is not supported for global secondary index {name} because its projection type is not ALL")
    if missing := _unprojected(stored, index, paths):
        invalid(f"Global secondary index {name} does not project [{', '.join(missing)}]")


def _unprojected(stored: Stored, index: StoredIndex, paths: tuple[Steps, ...]) -> list[str]:
    """What is wanted, and the index has not of its items."""
    return sorted({str(path[0]) for path in paths} - {*stored.schema.names, *index.schema.names, *index.definition.include})


def _fetches(stored: Stored, index: StoredIndex, select: str, paths: tuple[Steps, ...]) -> bool:
    """Whether items are to be fetched from the table, as a local index does when more is wanted than it has."""
    if not index.definition.local or index.definition.projection == "ALL":
        return False
    return select == "ALL_ATTRIBUTES" or bool(_unprojected(stored, index, paths))


def _refuse_keys(condition: Condition | None, schema: Schema, what: str) -> None:
    """A filter is about what is not in the key."""
    for name in () if condition is None else attributes(condition):
        if name in schema.names:
            raise Refused(f"{what} can only contain non-primary key attributes: Primary key attribute: {name}")


def _start(stored: Stored, index: StoredIndex | None, members: Members) -> Item | None:
    given = members.get("ExclusiveStartKey")
    if given is None:
        return None
    try:
        if index is None:
            return read_key(stored.schema, given)
        return _index_key(stored, index, given)
    except Refused as error:
        raise Refused(f"The provided starting key is invalid: {error}") from None


def _index_key(stored: Stored, index: StoredIndex, given: Any) -> Item:
    """A place in an index: its key and the table's."""
    key = checked_item(given)
    known = {attribute.name: attribute.type for attribute in _attributes(stored, index)}
    if {name: kind_of(value) for name, value in key.items()} != known:
        raise Refused("The provided key element does not match the schema")
    return key


def _attributes(stored: Stored, index: StoredIndex) -> Iterator[Any]:
    yield from stored.schema.attributes
    yield from index.schema.attributes


def _refuse_beside(within: Stretch, schema: Schema, start: Item | None) -> None:
    """A query goes on behind a key that it may have answered. Raises Refused."""
    if start is None:
        return
    if spread(start[schema.hash.name]) != within.hash:
        raise Refused("The provided starting key is outside query boundaries based on provided conditions")
    if schema.range is not None and not within.has(encoded(start[schema.range.name])):
        raise Refused("The provided starting key does not match the range key predicate")


def _segment(members: Members, begun: bytes | None) -> tuple[bytes, bytes | None]:
    """Where a segment of a parallel scan begins, and the next one. *begun*: where the scan goes on."""
    total = number(members, "TotalSegments", low=1, high=MOST_SEGMENTS)
    mine = number(members, "Segment", low=0, high=MOST_SEGMENTS - 1)
    if total is None and mine is None:
        return b"", None
    for one, other, given in (("Segment", "TotalSegments", mine), ("TotalSegments", "Segment", total)):
        if given is None:
            raise Refused(f"The {one} parameter is required but was not present in the request when parameter {other} is present")
    assert total is not None and mine is not None  # noqa: PT018 - both were looked at
    if mine >= total:
        raise Refused(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments:"
            f" Segment: {mine} is not less than TotalSegments: {total}"
        )
    low, high = segment(mine, total)
    if begun is not None and (begun < low or (high is not None and begun >= high)):
        raise Refused(
            "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment."
            f" TotalSegments: {total} Segment: {mine}"
        )
    return low, high
