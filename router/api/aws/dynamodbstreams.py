"""Amazon DynamoDB Streams, API version 2012-08-10, over the streams of the daemon's tables (router/tables/streams.py).

A stream has one shard. An iterator says all that it means and is signed by nothing: it opens no more than the caller may read anyway,
because the action is needed on the stream that it names."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, ClassVar, Final, NamedTuple, NoReturn

import orjson

from router import names
from router.api.aws.dynamodb import spoken
from router.api.aws.dynamodb.reading import choice, named, number, text
from router.api.aws.service import Call, Members, Need, Operation
from router.clock import Clock
from router.iam.policy import Policy
from router.items.errors import Refused
from router.tables import records
from router.tables.codec import plain
from router.tables.store import Tables
from router.tables.stored import StreamRow
from router.tables.streams import KEEP_SECONDS, Noted, Streams

PAGE: Final = 100  # streams of an answer
MOST: Final = 1000  # records of an answer
LARGEST: Final = 1024 * 1024  # bytes of records of an answer
ITERATOR_SECONDS: Final = 900.0  # that an iterator can be used
HIGHEST: Final = 2**62  # records that a stream can have, and that an iterator can name
TYPES: Final = ("TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")


class _Iterator(NamedTuple):
    """Where somebody reads on."""

    table: str
    label: str  # of the stream
    seq: int  # the first record that is wanted
    at: float  # when it was given out, epoch seconds

    def spelled(self) -> str:
        return urlsafe_b64encode(orjson.dumps(list(self))).decode()

    @classmethod
    def read(cls, given: str) -> "_Iterator":
        try:
            table, label, seq, at = orjson.loads(urlsafe_b64decode(given.encode()))
            made = cls(named(table), str(label), int(seq), float(at))
        except (ValueError, TypeError, binascii.Error, UnicodeError, Refused):
            raise Refused("Invalid ShardIterator") from None
        if not 0 <= made.seq < HIGHEST:
            raise Refused("Invalid ShardIterator")
        return made


class DynamodbStreams:
    """Changes of tables, for who reads them himself."""

    name: ClassVar[str] = "dynamodbstreams"

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables, self._clock, self._streams = tables, clock, Streams(tables)
        self._operations: dict[str, Operation] = {
            "ListStreams": Operation(spoken(self._list), lambda _: [Need("dynamodb:ListStreams", "*")]),
            "DescribeStream": Operation(spoken(self._describe), lambda call: [_need("DescribeStream", call)]),
            "GetShardIterator": Operation(spoken(self._iterator), lambda call: [_need("GetShardIterator", call)]),
            "GetRecords": Operation(spoken(self._records), self._records_need),
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        """See Service."""
        return self._operations

    def policy(self, resource: str) -> Policy | None:
        """Streams have none."""
        del resource
        return None

    def _arn(self, row: StreamRow) -> str:
        return names.stream_arn(self._tables.region, self._tables.account, row.table, row.label)

    async def _list(self, call: Call) -> Members:
        """ListStreams."""
        table, after = text(call.parameters, "TableName", ""), text(call.parameters, "ExclusiveStartStreamArn", "")
        most = number(call.parameters, "Limit", low=1, high=PAGE) or PAGE
        await self._tables.settled()
        rows = [row for row in await self._tables.streams(named(table) if table else "") if self._arn(row) > after]
        rows.sort(key=self._arn)
        told = [{"StreamArn": self._arn(row), "TableName": row.table, "StreamLabel": row.label} for row in rows[:most]]
        return {"Streams": told, **({"LastEvaluatedStreamArn": told[-1]["StreamArn"]} if len(rows) > most else {})}

    async def _describe(self, call: Call) -> Members:
        """DescribeStream."""
        row = await self._row(text(call.parameters, "StreamArn"))
        after = text(call.parameters, "ExclusiveStartShardId", "")
        first = await self._streams.first(row)
        numbers = {"StartingSequenceNumber": records.sequence(first if first is not None else row.last + 1)}
        if row.ended is not None:
            numbers["EndingSequenceNumber"] = records.sequence(row.last)
        shards = [{"ShardId": row.shard, "SequenceNumberRange": numbers}] if row.shard > after else []
        return {
            "StreamDescription": {
                "StreamArn": self._arn(row),
                "StreamLabel": row.label,
                "StreamStatus": "ENABLED" if row.ended is None else "DISABLED",
                "StreamViewType": row.view,
                "CreationRequestDateTime": row.made,
                "TableName": row.table,
                "KeySchema": [
                    {"AttributeName": name, "KeyType": kind}
                    for (name, _), kind in zip(json.loads(row.keys), ("HASH", "RANGE"), strict=False)
                ],
                "Shards": shards,
            }
        }

    async def _iterator(self, call: Call) -> Members:
        """GetShardIterator."""
        members = call.parameters
        row = await self._row(text(members, "StreamArn"))
        shard, kind = text(members, "ShardId"), choice(members, "ShardIteratorType", TYPES, "")
        if shard != row.shard:
            raise _not_found(f"Requested resource not found: Shard does not exist: {shard[:100]}")
        first = await self._streams.first(row)
        oldest = first if first is not None else row.last + 1
        if kind == "LATEST":
            seq = row.last + 1
        elif kind == "TRIM_HORIZON":
            seq = oldest
        else:
            seq = _seq_of(text(members, "SequenceNumber")) + (kind == "AFTER_SEQUENCE_NUMBER")
            if seq < oldest:
                _trimmed()
        return {"ShardIterator": _Iterator(row.table, row.label, seq, self._clock.now()).spelled()}

    async def _records(self, call: Call) -> Members:
        """GetRecords; without a NextShardIterator a stream that has ended was read to its end."""
        iterator = _Iterator.read(text(call.parameters, "ShardIterator"))
        most = number(call.parameters, "Limit", low=1, high=MOST) or MOST
        now = self._clock.now()
        if now > iterator.at + ITERATOR_SECONDS:
            raise Refused("Iterator expired. The iterator was created at an earlier time, get another one", "ExpiredIteratorException")
        row = next((row for row in await self._tables.streams(iterator.table) if row.label == iterator.label), None)
        if row is None:
            raise _not_found("Requested resource not found: Stream does not exist")
        found = await self._streams.read(row, iterator.seq, most=most, limit=LARGEST)
        if found and found[0].seq > iterator.seq:
            _trimmed()
        seq = found[-1].seq + 1 if found else iterator.seq
        kept = [_spoken(one) for one in found if one.at >= now - KEEP_SECONDS]
        if row.ended is not None and seq > row.last:
            return {"Records": kept}
        return {"Records": kept, "NextShardIterator": _Iterator(row.table, row.label, seq, now).spelled()}

    def _records_need(self, call: Call) -> list[Need]:
        """The action on the stream that the iterator names; for no iterator at all on any."""
        try:
            iterator = _Iterator.read(text(call.parameters, "ShardIterator"))
        except Refused:
            return [Need("dynamodb:GetRecords", "*")]
        return [Need("dynamodb:GetRecords", names.stream_arn(self._tables.region, self._tables.account, iterator.table, iterator.label))]

    async def _row(self, arn: str) -> StreamRow:
        """The stream under an ARN. Raises Refused."""
        await self._tables.settled()
        for row in await self._tables.streams(named(arn)):
            if self._arn(row) == arn:
                return row
        raise _not_found(f"Requested resource not found: Stream: {arn[:300]} not found")


def _need(action: str, call: Call) -> Need:
    arn = call.parameters.get("StreamArn")
    return Need(f"dynamodb:{action}", arn if isinstance(arn, str) else "*")


def _not_found(why: str) -> Refused:
    return Refused(why, "ResourceNotFoundException")


def _trimmed() -> NoReturn:
    raise Refused("The operation attempted to read past the oldest stream record in a shard.", "TrimmedDataAccessException")


def _seq_of(number_: str) -> int:
    """The record of a sequence number. Raises Refused."""
    if 21 <= len(number_) <= 40 and number_.isascii() and number_.isdigit():
        seq = records.seq_of(int(number_))
        if seq < HIGHEST - 1:  # one that AFTER_SEQUENCE_NUMBER can go on behind
            return seq
    raise Refused(f"Invalid SequenceNumber: {number_[:100]}")


def _spoken(one: Noted) -> dict[str, Any]:
    """A record as the API tells it: bytes are bytes, the user's identity has capital letters."""
    made = dict(records.decoded(one.record))
    body = dict(made["dynamodb"])
    for name in ("Keys", "NewImage", "OldImage"):
        if name in body:
            body[name] = plain(body[name])
    told = {
        "eventID": made["eventID"],
        "eventName": made["eventName"],
        "eventVersion": made["eventVersion"],
        "eventSource": made["eventSource"],
        "awsRegion": made["awsRegion"],
        "dynamodb": body,
    }
    identity = made.get("userIdentity")
    return told | ({"userIdentity": {"Type": identity["type"], "PrincipalId": identity["principalId"]}} if identity else {})
