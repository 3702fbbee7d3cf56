"""Event source mappings: triggers `queue` and `table`, each under a UUID.

Those of config.yaml are shown under ids that follow from function and source, and are not changed here."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from router.api.aws.lambda_ import mapping_rules as rules
from router.api.aws.lambda_ import tagging
from router.api.aws.lambda_.authority import may_poll, may_send
from router.api.aws.lambda_.place import conflict, identity, invalid, missing, page, text
from router.api.aws.lambda_.rooms import Rooms
from router.api.aws.service import Call, Members, Need
from router.api.declared import DeclaredInConfig, Unit
from router.config.fragments import PLACES, TRIGGERS
from router.config.types import Function, Trigger
from router.errors import FunctionNotFound
from router.events import arns
from router.names import queue_arn, stream_arn
from router.sources.feed import TableTrigger
from router.sources.feed_cursors import forgetting
from router.sources.queue import QueueTrigger

PAGE: Final = 100
_MEMBERS: Final = frozenset(
    {
        *("BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "FilterCriteria", "Enabled", "ScalingConfig"),
        *("EventSourceArn", "StartingPosition", "StartingPositionTimestamp", "ParallelizationFactor", "BisectBatchOnFunctionError"),
        *("MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "TumblingWindowInSeconds", "DestinationConfig"),
    }
)


class SourceMapping(NamedTuple):
    """One event source mapping, whoever declared it."""

    id: str
    kind: str  # queue, table
    source: str  # name
    function: str
    document: dict[str, Any]
    ours: bool  # the API declared it


class Mappings:
    """The operations."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def needs(self, action: str) -> Any:
        """What an operation on one mapping needs: of the function that it is of, and of the one that it is to be of."""

        def needed(call: Call) -> Sequence[Need]:
            mapping_id = text(call.parameters, "UUID")
            beside = [Need("lambda:TagResource", self._rooms.place.mapping_arn("*"))] if call.parameters.get("Tags") else []
            resource = self._rooms.place.mapping_arn(mapping_id) if mapping_id else "*"
            there = (one.document["FunctionArn"] for one in self._all() if mapping_id and one.id == mapping_id)
            given = self._rooms.place.resource(call.parameters) if call.parameters.get("FunctionName") else "*"
            functions = [arn for arn in dict.fromkeys((*there, given)) if arn != "*"]
            own = [Need(f"lambda:{action}", resource, {"lambda:functionarn": (arn,)}) for arn in functions]
            return [*(own or [Need(f"lambda:{action}", resource)]), *beside]

        return needed

    async def create(self, call: Call) -> Members:
        """CreateEventSourceMapping."""
        members, rooms = call.parameters, self._rooms
        target = self._target(members)
        kind, source = rules.source_of(members, rooms.place)
        tags = tagging.given(members.get("Tags"))
        async with rooms.turns.of(target.partition(":")[0]):
            name = target.partition(":")[0]
            for other in self._all():
                if (other.kind, other.source, other.function) == (kind, source, name):
                    raise conflict(rules.taken(text(members, "EventSourceArn"), kind, name, other.id))
            if kind == "table" and source not in {*rooms.config.tables, *rooms.config.item_tables}:
                raise invalid(f"Stream not found: {text(members, 'EventSourceArn'):.200}")
            anew = (forgetting(source, name),) if kind == "table" else ()
            return {**await self._put(str(uuid.uuid4()), target, members, (kind, source), tags, beside=anew), "State": "Creating"}

    async def update(self, call: Call) -> Members:
        """UpdateEventSourceMapping: what is named."""
        members, rooms = call.parameters, self._rooms
        mapping_id = text(members, "UUID")
        rules.refuse(members)
        async with rooms.turns.of(self._own(mapping_id).function):
            found = self._own(mapping_id)
            fragment = rooms.declared.get(TRIGGERS, mapping_id)
            assert fragment is not None  # it is ours
            given = {key: value for key, value in members.items() if key in _MEMBERS and value is not None}
            target = self._target(members) if members.get("FunctionName") else str(fragment.about["target"])
            merged = {**fragment.about["members"], **given}
            return {**await self._put(mapping_id, target, merged, (found.kind, found.source), tagging.of(fragment)), "State": "Updating"}

    def _target(self, members: Members) -> str:
        """The function that is to get the batches; what is none is a parameter that is wrong. Raises AwsError, InvalidParameter."""
        try:
            return self._rooms.functions.target(text(members, "FunctionName"))
        except FunctionNotFound:
            raise invalid("Function does not exist") from None

    async def delete(self, call: Call) -> Members:
        """DeleteEventSourceMapping."""
        mapping_id = text(call.parameters, "UUID")
        async with self._rooms.turns.of(self._own(mapping_id).function):
            found = self._own(mapping_id)
            await self._rooms.declared.remove(TRIGGERS, mapping_id)
        return {**found.document, "State": "Deleting"}

    async def get(self, call: Call) -> Members:
        """GetEventSourceMapping."""
        return self._found(text(call.parameters, "UUID")).document

    async def list(self, call: Call) -> Members:
        """ListEventSourceMappings, of a function, of a source, or of all."""
        arn, wanted = text(call.parameters, "EventSourceArn"), text(call.parameters, "FunctionName")
        name = self._rooms.functions.target(wanted).partition(":")[0] if wanted else ""
        source = arns.event_source(arn, region=self._rooms.place.region, account=self._rooms.place.account) if arn else None
        found = [one for one in self._all() if name in {"", one.function}]
        rows = [one.document for one in found if not arn or (one.kind, one.source) == source]
        return page(rows, call.parameters, key="EventSourceMappings", limit=PAGE, order=lambda row: str(row["UUID"]))

    async def _put(
        self,
        mapping_id: str,
        target: str,
        members: Members,
        polled: tuple[str, str],
        tags: dict[str, str],
        *,
        beside: tuple[Unit, ...] = (),
    ) -> dict[str, Any]:
        rooms, (kind, source) = self._rooms, polled
        name, _, qualifier = target.partition(":")
        value = rules.trigger(members, kind, source, rooms.place)
        role = rooms.config.functions[name].role
        may_poll(rooms.config, rooms.place, name, role, (kind, text(members, "EventSourceArn")))
        may_send(rooms.config, rooms.place, name, role, value)
        if qualifier:
            value["qualifier"] = qualifier
        kept = {key: value for key, value in members.items() if key in _MEMBERS and value is not None}
        about = {"id": mapping_id, "kind": kind, "source": source, "members": kept, "target": target, "modified": rooms.clock.now()}
        about["tags"] = tags
        about["function_arn"] = rooms.place.arn(name, qualifier)
        await rooms.declared.put(TRIGGERS, mapping_id, {"function": name, "trigger": {kind: value}}, about, beside=beside)
        return rules.document(kept, kind, about, rooms.place)

    def owner(self, mapping_id: str) -> str:
        """The function that a mapping is of. Raises AwsError when there is none."""
        return self._found(mapping_id).function

    def _found(self, mapping_id: str) -> SourceMapping:
        """Raises AwsError."""
        found = next((one for one in self._all() if one.id == mapping_id), None)
        if found is None:
            raise missing()
        return found

    def _own(self, mapping_id: str) -> SourceMapping:
        """One that the API declared. Raises AwsError, DeclaredInConfig."""
        found = self._found(mapping_id)
        if not found.ours:
            raise DeclaredInConfig("functions", f"{found.function}.triggers")
        return found

    def _all(self) -> Iterator[SourceMapping]:
        for fragment in self._rooms.declared.of(TRIGGERS):
            about = fragment.about
            if {"id", "kind", "members"} <= about.keys():
                document = rules.document(about["members"], about["kind"], about, self._rooms.place)
                yield SourceMapping(about["id"], about["kind"], about["source"], fragment.value["function"], document, ours=True)
        for function in self._rooms.config.functions.values():
            for (place, trigger), target in zip(function.placed(), function.targets(), strict=True):
                if place < PLACES and isinstance(trigger, QueueTrigger | TableTrigger):
                    yield self._of_config(function, trigger, target)

    def _of_config(self, function: Function, trigger: Trigger, target: str) -> SourceMapping:
        """One of config.yaml's."""
        where = self._rooms.place
        members: dict[str, Any] = {}
        if isinstance(trigger, QueueTrigger):
            kind, source, arn = "queue", trigger.queue.name, queue_arn(where.region, where.account, trigger.queue.name)
            partial = trigger.partial
            if trigger.maximum_concurrency is not None:
                members["ScalingConfig"] = {"MaximumConcurrency": trigger.maximum_concurrency}
        else:
            assert isinstance(trigger, TableTrigger)
            kind, source, partial = "table", trigger.table.name, trigger.rules.partial
            arn = stream_arn(where.region, where.account, source, "*")  # when its feed was installed stands in its database
            members |= _of_table(trigger)
        members |= {
            "EventSourceArn": arn,
            "BatchSize": trigger.batch_size,
            "MaximumBatchingWindowInSeconds": int(trigger.batch_window),
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if partial else [],
        }
        name, _, qualifier = target.partition(":")
        mapping_id = identity("mapping", function.name, kind, source)
        about: Mapping[str, Any] = {"id": mapping_id, "function_arn": where.arn(name, qualifier)}
        return SourceMapping(mapping_id, kind, source, name, rules.document(members, kind, about, where), ours=False)


def _of_table(trigger: TableTrigger) -> dict[str, Any]:
    return {
        "StartingPosition": trigger.starting_position,
        "ParallelizationFactor": trigger.parallelization_factor,
        "BisectBatchOnFunctionError": trigger.rules.bisect,
        "MaximumRetryAttempts": trigger.rules.retries,
        "MaximumRecordAgeInSeconds": int(trigger.rules.age),
        "TumblingWindowInSeconds": trigger.tumbling_window,
    }
