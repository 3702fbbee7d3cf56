"""EventBridge's operations on event buses, their policies and events. What is made here is declared (router/api/declared.py)."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from router.api.aws.events.conditions import INVOCATION
from router.api.aws.events.members import invalid, missing, page, refusals, refuse, spoken, structure, tags, text
from router.api.aws.events.place import bus_arn, bus_of
from router.api.aws.service import AwsError, Call, Members, Need
from router.api.declared import Declared, Unit
from router.config.buses import DEFAULT
from router.config.types import Bus
from router.events import eventbridge
from router.events.eventbridge import Place
from router.iam import reading
from router.iam.policy import BadPolicy

KIND: Final = "buses"
POLICY: Final = 10_240  # characters of a bus's policy: EventBridge quotas
_UNSUPPORTED: Final = ("KmsKeyIdentifier", "DeadLetterConfig", "LogConfig", "EventSourceName")
_OFF: Final = "OperationDisabledException"  # what config.yaml has the last word on


class Putting(Protocol):
    """Where events are put: the buses' source."""

    async def put(self, call: Any) -> dict[str, Any]:
        """See BusSource."""
        ...

    async def emptying(self, bus: str) -> Unit:
        """See BusSource."""
        ...

    async def empty(self, bus: str) -> None:
        """See BusSource."""
        ...


class Buses:
    """What is done with buses."""

    def __init__(self, declared: Declared, source: Callable[[], Putting], place: Place) -> None:
        self._declared, self._source, self._place = declared, source, place
        self.turn = asyncio.Lock()  # changes are read, made and declared one after another; archives are of buses too

    # -- events

    async def put_events(self, call: Call) -> Members:
        """PutEvents: durable before it answers, each entry with a result of its own."""
        refuse(call.parameters, "EndpointId")
        return await self._source().put(call.parameters)

    def put_needs(self, call: Call) -> list[Need]:
        """events:PutEvents on each bus, with the sources and the detail types of what is put there."""
        found: dict[str, tuple[set[str], set[str]]] = {}
        for one in eventbridge.entries_of(call.parameters, place=self._place):
            sources, types = found.setdefault(one.bus, (set(), set()))
            sources.add(one.source)
            types.add(one.detail_type)
        return [
            Need("events:PutEvents", bus_arn(self._place, bus), {"events:source": (source,), "events:detail-type": (kind,), **INVOCATION})
            for bus, (sources, types) in found.items()
            for source in sorted(sources)
            for kind in sorted(types)
        ]

    # -- buses

    async def create(self, call: Call) -> Members:
        """CreateEventBus."""
        name, description = text(call.parameters, "Name"), text(call.parameters, "Description", "")
        refuse(call.parameters, *_UNSUPPORTED)
        async with self.turn:
            if name in self._declared.config.buses:
                raise AwsError("ResourceAlreadyExistsException", f"Event bus {name} already exists.")
            value: dict[str, Any] = {"description": description} if description else {}
            if found := tags(call.parameters):
                value["tags"] = found
            with refusals(_OFF):
                await self._declared.put(KIND, name, value)
        return {"EventBusArn": bus_arn(self._place, name)} | ({"Description": description} if description else {})

    async def update(self, call: Call) -> Members:
        """UpdateEventBus."""
        refuse(call.parameters, *_UNSUPPORTED)
        name, description = bus_of(call.parameters, self._place, "Name"), text(call.parameters, "Description", "")
        async with self.turn:
            self.of(name)
            await self.change(name, lambda value: _with(value, "description", description))
        return {"Arn": bus_arn(self._place, name), "Name": name} | ({"Description": description} if description else {})

    async def delete(self, call: Call) -> Members:
        """DeleteEventBus, of one that has no rules; what is not there is gone already."""
        name = text(call.parameters, "Name")
        if name == DEFAULT:
            raise invalid("Cannot delete event bus default.")
        async with self.turn:
            if name not in self._declared.config.buses:
                return {}
            if any(rule.bus == name for rule in self._declared.config.rules.values()):
                raise invalid(f"Event bus {name} can't be deleted since it has rules.")
            source = self._source()
            with refusals(_OFF, before=f"Event bus {name} is still needed: "):
                await self._declared.remove(KIND, name, beside=(await source.emptying(name),))
            await source.empty(name)
        return {}

    async def describe(self, call: Call) -> Members:
        """DescribeEventBus."""
        return self._shown(self.of(bus_of(call.parameters, self._place, "Name")))

    async def many(self, call: Call) -> Members:
        """ListEventBuses."""
        prefix = text(call.parameters, "NamePrefix", "")
        rows = [(bus.name, self._shown(bus)) for bus in self._declared.config.buses.values() if bus.name.startswith(prefix)]
        return page(call.parameters, rows, "EventBuses")

    def _shown(self, bus: Bus) -> dict[str, Any]:
        fragment = self._declared.get(KIND, bus.name)
        made: dict[str, Any] = {
            "Name": bus.name,
            "Arn": bus_arn(self._place, bus.name),
            "Description": bus.description,
            "Policy": bus.policy,
        }
        if fragment is not None:
            made |= {"CreationTime": fragment.made, "LastModifiedTime": fragment.changed}
        return {key: value for key, value in made.items() if value}

    def of(self, name: str) -> Bus:
        """A bus that is there."""
        found = self._declared.config.buses.get(name)
        if found is None:
            raise missing(f"Event bus {name} does not exist.")
        return found

    # -- policies

    async def permit(self, call: Call) -> Members:
        """PutPermission: a whole policy, or one more statement for an account."""
        given = call.parameters
        name = bus_of(given, self._place)
        async with self.turn:
            bus = self.of(name)
            document = self._read(whole) if (whole := text(given, "Policy", "")) else self._with_statement(bus, given)
            if len(json.dumps(document)) > POLICY:
                raise AwsError("PolicyLengthExceededException", f"The event bus policy has over {POLICY} characters.")
            await self.change(name, lambda value: {**value, "policy": document})
        return {}

    def _read(self, policy: str) -> Any:
        try:
            document = reading.parse(policy)
            reading.read(document, name="", kind="resource", account=self._place.account)
        except BadPolicy as error:
            raise invalid(f"Parameter Policy is not valid. Reason: {str(error)[:1000]}") from None
        return document

    def _with_statement(self, bus: Bus, given: Members) -> dict[str, Any]:
        action, principal, sid = (text(given, name) for name in ("Action", "Principal", "StatementId"))
        if action != "events:PutEvents":
            raise invalid("Parameter Action is not valid. Reason: it is events:PutEvents.")
        if principal not in {"*", self._place.account}:
            raise invalid(f"Parameter Principal is not valid. Reason: nothing reaches across accounts; this one is {self._place.account}.")
        statement: dict[str, Any] = {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
            "Action": action,
            "Resource": bus_arn(self._place, bus.name),
        }
        if condition := structure(given, "Condition"):
            kind, key, value = (text(condition, name) for name in ("Type", "Key", "Value"))
            statement["Condition"] = {kind: {key: value}}
        document = json.loads(bus.policy) if bus.policy else {"Version": "2012-10-17", "Statement": []}
        made = {**document, "Statement": [*(one for one in _statements(document) if one.get("Sid") != sid), statement]}
        return dict(self._read(json.dumps(made)))

    async def forbid(self, call: Call) -> Members:
        """RemovePermission."""
        given = call.parameters
        name = bus_of(given, self._place)
        async with self.turn:
            bus = self.of(name)
            if given.get("RemoveAllPermissions"):
                await self.change(name, lambda value: _with(value, "policy", None))
                return {}
            sid = text(given, "StatementId")
            document = json.loads(bus.policy) if bus.policy else {"Statement": []}
            left = [one for one in _statements(document) if one.get("Sid") != sid]
            if len(left) == len(_statements(document)):
                raise missing("Statement with the provided id does not exist.")
            await self.change(name, lambda value: _with(value, "policy", {**document, "Statement": left} if left else None))
        return {}

    # -- tags

    async def tagged(self, name: str) -> Members:
        """ListTagsForResource of a bus."""
        return {"Tags": spoken(self.of(name).tags)}

    async def tag(self, name: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        """Change a bus's tags."""
        async with self.turn:
            found = change(dict(self.of(name).tags))
            await self.change(name, lambda value: _with(value, "tags", found))

    # -- what is declared

    async def change(
        self,
        name: str,
        change: Callable[[dict[str, Any]], dict[str, Any]],
        about: Mapping[str, Any] | None = None,
        beside: tuple[Unit, ...] = (),
    ) -> None:
        """Declare a bus anew, or the default one for the first time; *beside*: see Change. Raises AwsError for one of config.yaml's."""
        fragment = self._declared.get(KIND, name)
        value = change(dict(fragment.value) if fragment is not None and isinstance(fragment.value, Mapping) else {})
        with refusals(_OFF):
            if not value and name == DEFAULT:
                await self._declared.remove(KIND, name, beside=beside)
            else:
                await self._declared.put(KIND, name, value, about, beside=beside)


def _with(value: dict[str, Any], key: str, given: Any) -> dict[str, Any]:
    """The value with *given* under *key*; without the key when that is nothing."""
    rest = {name: one for name, one in value.items() if name != key}
    return rest | ({key: given} if given else {})


def _statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = document["Statement"]
    return [found] if isinstance(found, dict) else list(found)
