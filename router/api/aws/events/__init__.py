"""Amazon EventBridge, API version 2015-10-07, over the daemon's buses (router/sources/bus.py) and declared rules.

What a bus has to do with others (partners, API destinations, connections, global endpoints) is not offered: it is refused with a
sentence, and lists of it are empty."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final, Self

from router.api.aws.events import targets as words
from router.api.aws.events.archives import Archives
from router.api.aws.events.buses import Buses
from router.api.aws.events.conditions import Keys, each, of_pattern, of_rule
from router.api.aws.events.members import invalid, listed, missing, tags, text, texts
from router.api.aws.events.place import archive_arn, bus_arn, bus_of, replay_arn, rule_arn, rule_in
from router.api.aws.events.rules import Rules, test_pattern
from router.api.aws.service import AwsError, Call, Members, Need, Operation
from router.api.calls import Calls
from router.api.declared import Declared
from router.clock import Clock
from router.events.eventbridge import Place
from router.iam.policy import Policy
from router.sources.base import House
from router.sources.bus import BusSource
from router.sources.bus_rules import Buses as Laid

Run = Callable[[Call], Awaitable[Members]]
Needs = Callable[[Call], Sequence[Need]]

_EMPTY: Final = {
    "ListApiDestinations": "ApiDestinations",
    "ListConnections": "Connections",
    "ListEndpoints": "Endpoints",
    "ListEventSources": "EventSources",
    "ListPartnerEventSources": "PartnerEventSources",
    "ListPartnerEventSourceAccounts": "PartnerEventSourceAccounts",
}
_REFUSED: Final = {
    **dict.fromkeys(
        ("CreateApiDestination", "UpdateApiDestination"), "API destinations are not offered here: have a function make the call."
    ),
    **dict.fromkeys(
        ("CreateConnection", "UpdateConnection", "DeauthorizeConnection"),
        "Connections are not offered here: there are no API destinations.",
    ),
    **dict.fromkeys(("CreateEndpoint", "UpdateEndpoint"), "Global endpoints are not offered here: there is one region."),
    **dict.fromkeys(
        ("CreatePartnerEventSource", "PutPartnerEvents", "ActivateEventSource", "DeactivateEventSource"),
        "Partner event sources are not offered here: put events with PutEvents, or take them by a webhook.",
    ),
}


class Events:
    """Buses, rules and events."""

    name: ClassVar[str] = "events"

    def __init__(
        self,
        declared: Declared,
        source: Callable[[], BusSource],
        laid: Laid,
        clock: Clock,
        published: Callable[[str], bool],
        *,
        region: str,
        account: str,
    ) -> None:
        """*published*: whether a function's version, NAME:VERSION, is."""
        self._place, self._laid = Place(region, account), laid
        self._rules = Rules(declared, lambda: laid.rules, self._place, published)
        self._buses = Buses(declared, source, self._place)
        self._archives = Archives(declared, self._buses, source, self._place, clock)
        self._operations = self._of_rules() | self._of_buses() | self._of_archives() | self._of_tags() | self._not_here()

    @classmethod
    def of(cls, declared: Declared, calls: Calls, house: House, published: Callable[[str], bool]) -> Self:
        """Of a daemon's parts."""
        place = {"region": house.config.region, "account": house.config.account}
        return cls(declared, lambda: calls.bus, house.buses, house.clock, published, **place)

    @property
    def operations(self) -> Mapping[str, Operation]:
        """See Service."""
        return self._operations

    def policy(self, resource: str) -> Policy | None:
        """That of a bus, which is also its rules'."""
        buses, rules = bus_arn(self._place, ""), rule_arn(self._place, "default", "")
        if resource.startswith(buses):
            return self._laid.policy(resource.removeprefix(buses))
        return self._laid.policy(rule_in(resource, self._place)[0]) if resource.startswith(rules) and resource != rules else None

    # -- the tables

    def _of_rules(self) -> dict[str, Operation]:
        rules = self._rules
        return {
            "PutRule": Operation(rules.put, self._put_rule_needs),
            "DeleteRule": self._rule("DeleteRule", rules.delete),
            "EnableRule": self._rule("EnableRule", rules.enable),
            "DisableRule": self._rule("DisableRule", rules.disable),
            "DescribeRule": self._rule("DescribeRule", rules.describe),
            "ListRules": self._rule("ListRules", rules.many, lambda _: "*"),
            "PutTargets": Operation(rules.put_targets, self._put_targets_needs),
            "RemoveTargets": self._rule("RemoveTargets", rules.remove_targets, _named("Rule")),
            "ListTargetsByRule": self._rule("ListTargetsByRule", rules.list_targets, _named("Rule")),
            "ListRuleNamesByTarget": self._rule("ListRuleNamesByTarget", rules.list_names, lambda _: "*"),
            "TestEventPattern": Operation(test_pattern, lambda _: [Need("events:TestEventPattern", "*")]),
        }

    def _of_buses(self) -> dict[str, Operation]:
        buses = self._buses
        return {
            "PutEvents": Operation(buses.put_events, buses.put_needs),
            "CreateEventBus": Operation(buses.create, self._create_bus_needs),
            "UpdateEventBus": self._bus("UpdateEventBus", buses.update),
            "DeleteEventBus": self._bus("DeleteEventBus", buses.delete),
            "DescribeEventBus": self._bus("DescribeEventBus", buses.describe),
            "ListEventBuses": Operation(buses.many, lambda _: [Need("events:ListEventBuses", bus_arn(self._place, "*"))]),
            "PutPermission": self._bus("PutPermission", buses.permit, "EventBusName"),
            "RemovePermission": self._bus("RemovePermission", buses.forbid, "EventBusName"),
        }

    def _of_archives(self) -> dict[str, Operation]:
        archives = self._archives
        return {
            "CreateArchive": Operation(archives.create, self._create_archive_needs),
            "UpdateArchive": self._kept("UpdateArchive", archives.update, archive_arn, "ArchiveName"),
            "DeleteArchive": self._kept("DeleteArchive", archives.delete, archive_arn, "ArchiveName"),
            "DescribeArchive": self._kept("DescribeArchive", archives.describe, archive_arn, "ArchiveName"),
            "ListArchives": self._kept("ListArchives", archives.many, archive_arn, ""),
            "StartReplay": Operation(archives.start, self._start_replay_needs),
            "CancelReplay": self._kept("CancelReplay", archives.cancel, replay_arn, "ReplayName"),
            "DescribeReplay": self._kept("DescribeReplay", archives.describe_replay, replay_arn, "ReplayName"),
            "ListReplays": self._kept("ListReplays", archives.many_replays, replay_arn, ""),
        }

    def _of_tags(self) -> dict[str, Operation]:
        def needs(action: str) -> Needs:
            return lambda call: [self._about_it(action, *self._about(text(call.parameters, "ResourceARN")))]

        return {
            "ListTagsForResource": Operation(self._tagged, needs("ListTagsForResource")),
            "TagResource": Operation(self._tag, needs("TagResource")),
            "UntagResource": Operation(self._untag, needs("UntagResource")),
        }

    @staticmethod
    def _not_here() -> dict[str, Operation]:
        def empty(key: str) -> Run:
            async def run(_: Call) -> Members:
                return {key: []}

            return run

        def refused(said: str) -> Run:
            async def run(_: Call) -> Members:
                raise AwsError("OperationDisabledException", said)

            return run

        runs = {name: empty(key) for name, key in _EMPTY.items()} | {name: refused(said) for name, said in _REFUSED.items()}
        return {name: Operation(run, lambda _, name=name: [Need(f"events:{name}", "*")]) for name, run in runs.items()}  # type: ignore[misc]

    # -- what is needed

    def _rule(self, action: str, run: Run, name: Callable[[Call], str] | None = None) -> Operation:
        named = name or _named("Name")
        return Operation(run, lambda call: [self._about_it(action, bus_of(call.parameters, self._place), named(call))])

    def _about_it(self, action: str, bus: str, rule: str, more: Keys = MappingProxyType({})) -> Need:
        """Leave to do this to a rule, or to a bus where none is named; *more*: condition keys of the request itself."""
        if not rule:
            return Need(f"events:{action}", bus_arn(self._place, bus))
        return Need(f"events:{action}", rule_arn(self._place, bus, rule), {**of_rule(action, self._place.account), **more})

    def _bus(self, action: str, run: Run, member: str = "Name") -> Operation:
        return Operation(run, lambda call: [Need(f"events:{action}", bus_arn(self._place, bus_of(call.parameters, self._place, member)))])

    def _kept(self, action: str, run: Run, arn: Callable[[Place, str], str], member: str) -> Operation:
        return Operation(run, lambda call: [Need(f"events:{action}", arn(self._place, text(call.parameters, member) if member else "*"))])

    def _put_rule_needs(self, call: Call) -> list[Need]:
        bus, name = bus_of(call.parameters, self._place), text(call.parameters, "Name")
        asked = each(of_pattern(text(call.parameters, "EventPattern", "")))
        return [self._about_it("PutRule", bus, name, keys) for keys in asked] + (
            [self._about_it("TagResource", bus, name)] if call.parameters.get("Tags") else []
        )

    def _put_targets_needs(self, call: Call) -> list[Need]:
        """Beside the rule itself, what is done in the name of who sets the targets."""
        given = [one for one in listed(call.parameters, "Targets") if isinstance(one, Mapping)]
        arns = tuple(dict.fromkeys(str(one.get("Arn")) for one in given))
        bus, name = bus_of(call.parameters, self._place), text(call.parameters, "Rule")
        rule = [self._about_it("PutTargets", bus, name, keys) for keys in each({"events:targetarn": arns} if arns else {})]
        return [*rule, *(need for one in given for need in words.needs(one))]

    def _create_bus_needs(self, call: Call) -> list[Need]:
        arn = bus_arn(self._place, text(call.parameters, "Name"))
        return [Need("events:CreateEventBus", arn)] + ([Need("events:TagResource", arn)] if call.parameters.get("Tags") else [])

    def _create_archive_needs(self, call: Call) -> list[Need]:
        """The archive, and the bus whose events it keeps."""
        archive = archive_arn(self._place, text(call.parameters, "ArchiveName"))
        return [Need("events:CreateArchive", one) for one in (archive, text(call.parameters, "EventSourceArn"))]

    def _start_replay_needs(self, call: Call) -> list[Need]:
        archive = text(call.parameters, "EventSourceArn")
        return [
            Need("events:StartReplay", replay_arn(self._place, text(call.parameters, "ReplayName"))),
            Need("events:StartReplay", archive),
        ]

    # -- tags

    async def _tagged(self, call: Call) -> Members:
        """ListTagsForResource."""
        bus, rule = self._about(text(call.parameters, "ResourceARN"))
        return await self._rules.tagged(bus, rule) if rule else await self._buses.tagged(bus)

    async def _tag(self, call: Call) -> Members:
        """TagResource."""
        given = tags(call.parameters)
        await self._retag(call, lambda found: found | given)
        return {}

    async def _untag(self, call: Call) -> Members:
        """UntagResource."""
        gone = texts(call.parameters, "TagKeys")
        await self._retag(call, lambda found: {key: value for key, value in found.items() if key not in gone})
        return {}

    async def _retag(self, call: Call, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        bus, rule = self._about(text(call.parameters, "ResourceARN"))
        await (self._rules.tag(bus, rule, change) if rule else self._buses.tag(bus, change))

    def _about(self, arn: str) -> tuple[str, str]:
        """The bus and the rule under an ARN, of which a rule of the default bus has two; "" for a bus itself."""
        own = bus_arn(self._place, "")
        if arn.startswith(own):
            return arn.removeprefix(own), ""
        if not arn.startswith(rule_arn(self._place, "default", "")):
            raise (
                missing(f"{arn[:200]} is no rule and no event bus.")
                if arn.startswith("arn:")
                else invalid("Provided Arn is not in correct format.")
            )
        return rule_in(arn, self._place)


def _named(member: str) -> Callable[[Call], str]:
    return lambda call: text(call.parameters, member)
