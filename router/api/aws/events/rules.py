"""EventBridge's operations on rules and their targets. What is made here is declared (router/api/declared.py): durable, and in force on return."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from router.api.aws.events import targets as words
from router.api.aws.events.members import (
    invalid,
    listed,
    missing,
    page,
    refusals,
    refuse,
    spoken,
    tags,
    text,
    texts,
)
from router.api.aws.events.place import bus_of, rule_arn
from router.api.aws.service import AwsError, Call, Members
from router.api.declared import Declared
from router.api.matching import triggers
from router.api.turns import Turns
from router.config.buses import DEFAULT, key_of
from router.config.types import Destination, Surroundings
from router.events.eventbridge import Place
from router.events.patterns import compile_pattern, refusal
from router.events.patterns_values import InvalidPattern
from router.events.schedule import At, InvalidSchedule, parse
from router.events.transform import WHOLE, Input
from router.sources import target_reading
from router.sources.bus_rules import Rule
from router.sources.ruling import ONLY_DEFAULT, Ruling
from router.sources.schedule_trigger import ScheduleTrigger
from router.sources.targets import Target

KIND: Final = "rules"
FROM_CONFIG: Final = "config.yaml"  # ManagedBy of what the API does not change
BATCH: Final = 100  # targets of one request: EventBridge API reference, PutTargets
_STATES: Final = ("ENABLED", "DISABLED")


class Seen(NamedTuple):
    """A rule as answers show it: one of the config's list, or the one of an `event:` trigger."""

    bus: str
    name: str
    targets: tuple[Target, ...]
    pattern: str = ""  # as it was given
    schedule: str = ""
    enabled: bool = True
    description: str = ""
    tags: Mapping[str, str] = {}
    given: Mapping[str, Any] = {}


class Rules:
    """What is done with rules."""

    def __init__(self, declared: Declared, laid: Callable[[], Sequence[Rule]], place: Place, published: Callable[[str], bool]) -> None:
        """*published*: whether a function's version, NAME:VERSION, is."""
        self._declared, self._laid, self._place, self._published = declared, laid, place, published
        self._turns = Turns()  # changes of one rule are read, made and declared one after another

    # -- rules

    async def put(self, call: Call) -> Members:
        """PutRule; what is not said goes back to what it is without it, but for targets and tags."""
        given = call.parameters
        bus, name = self._bus(given), text(given, "Name")
        refuse(given, "RoleArn")
        value = self._ruled(given, bus)
        async with self._turns.of(key_of(bus, name)):
            before = self._fragment(bus, name)
            if before is not None:
                value |= {key: before.value[key] for key in ("targets", "tags") if key in before.value}
            elif found := tags(given):
                value["tags"] = found
            about = dict(before.about if before is not None else {}) | {"pattern": text(given, "EventPattern", "")}
            await self._declare(bus, name, value, about)
        return {"RuleArn": rule_arn(self._place, bus, name)}

    def _ruled(self, given: Members, bus: str) -> dict[str, Any]:
        """Pattern, schedule, state and description as config.yaml has them."""
        pattern, schedule = text(given, "EventPattern", ""), text(given, "ScheduleExpression", "")
        state, description = text(given, "State", "ENABLED") or "ENABLED", text(given, "Description", "")
        if not pattern and not schedule:
            raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        if state not in _STATES:
            raise invalid(f"Parameter State is not valid. Reason: it is one of {', '.join(_STATES)} here.")
        value: dict[str, Any] = {"enabled": state == "ENABLED"}
        if pattern:
            checked(pattern)
            value["pattern"] = json.loads(pattern)
        if schedule:
            self._check_schedule(schedule, bus)
            value["schedule"] = schedule
        return value | ({"description": description} if description else {})

    @staticmethod
    def _check_schedule(expression: str, bus: str) -> None:
        if bus != DEFAULT:
            raise invalid(ONLY_DEFAULT)
        try:
            once = isinstance(parse(expression), At)
        except InvalidSchedule:
            once = True
        if once:  # at() is EventBridge Scheduler's
            raise invalid("Parameter ScheduleExpression is not valid.")

    async def delete(self, call: Call) -> Members:
        """DeleteRule, of one that has no targets; what is not there is gone already."""
        bus, name = self._bus(call.parameters), text(call.parameters, "Name")
        async with self._turns.of(key_of(bus, name)):
            seen = self._find(bus, name)
            if seen is None:
                return {}
            self._refuse_of_config(bus, name)
            if seen.targets:
                raise invalid("Rule can't be deleted since it has targets.")
            with refusals("ManagedRuleException"):
                await self._declared.remove(KIND, key_of(bus, name))
        return {}

    async def enable(self, call: Call) -> Members:
        """EnableRule."""
        return await self._switch(call, on=True)

    async def disable(self, call: Call) -> Members:
        """DisableRule."""
        return await self._switch(call, on=False)

    async def _switch(self, call: Call, *, on: bool) -> Members:
        bus, name = self._bus(call.parameters), text(call.parameters, "Name")
        async with self._turns.of(key_of(bus, name)):
            self._seen(bus, name)
            fragment = self._refuse_of_config(bus, name)
            await self._declare(bus, name, {**fragment.value, "enabled": on}, fragment.about)
        return {}

    async def describe(self, call: Call) -> Members:
        """DescribeRule."""
        return self._shown(self._seen(self._bus(call.parameters), text(call.parameters, "Name")), whole=True)

    async def many(self, call: Call) -> Members:
        """ListRules."""
        bus, prefix = self._bus(call.parameters), text(call.parameters, "NamePrefix", "")
        rows = [(seen.name, self._shown(seen)) for seen in self._all(bus) if seen.name.startswith(prefix)]
        return page(call.parameters, rows, "Rules")

    def _shown(self, seen: Seen, *, whole: bool = False) -> dict[str, Any]:
        made = {
            "Name": seen.name,
            "Arn": rule_arn(self._place, seen.bus, seen.name),
            "EventPattern": seen.pattern,
            "ScheduleExpression": seen.schedule,
            "State": "ENABLED" if seen.enabled else "DISABLED",
            "Description": seen.description,
            "EventBusName": seen.bus,
            "CreatedBy": self._place.account if whole else "",
            "ManagedBy": "" if self._fragment(seen.bus, seen.name) is not None else FROM_CONFIG,
        }
        return {key: value for key, value in made.items() if value}

    # -- targets

    async def put_targets(self, call: Call) -> Members:
        """PutTargets: those that are taken are in force on return; what can be no target here is told one by one, and what is said wrongly
        of one refuses all."""
        bus, name = self._bus(call.parameters), text(call.parameters, "Rule")
        given = [one for one in listed(call.parameters, "Targets") if isinstance(one, Mapping)]
        self._check_batch([text(one, "Id") for one in given])
        for one in given:
            words.check(one)
        async with self._turns.of(key_of(bus, name)):
            self._seen(bus, name)
            fragment = self._refuse_of_config(bus, name)
            around = Surroundings.of(self._declared.config)
            kept = {one["id"]: one for one in fragment.value.get("targets", [])}
            known, failed = dict(fragment.about.get("targets", {})), []
            for one in given:
                try:
                    kept[one["Id"]] = self._checked(
                        one, around, rule_arn(self._place, bus, name), bus if "pattern" in fragment.value else ""
                    )
                    known[one["Id"]] = dict(one)
                except AwsError as error:
                    failed.append({"TargetId": one["Id"], "ErrorCode": error.code, "ErrorMessage": str(error)})
            if len(kept) > target_reading.MOST:
                raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
            if len(failed) < len(given):
                await self._declare(bus, name, {**fragment.value, "targets": [*kept.values()]}, {**fragment.about, "targets": known})
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    @staticmethod
    def _check_batch(ids: Sequence[str]) -> None:
        if not 1 <= len(ids) <= BATCH:
            raise invalid(f"Parameter Targets is not valid. Reason: 1 to {BATCH} targets.")
        if len(set(ids)) < len(ids):
            raise invalid("Parameter Targets is not valid. Reason: two of them have one Id.")

    def _checked(self, given: Members, around: Surroundings, arn: str, hears: str) -> dict[str, Any]:
        """One target as config.yaml has it; *hears*: the bus whose events its rule gets. Raises AwsError."""
        value = words.declared(given, self._place)
        for mistake in target_reading.mistakes(value, around, arn, hears):
            raise (missing if "no " in mistake and "has the name" in mistake else invalid)(mistake)
        target = str(value.get("function", ""))
        if target.partition(":")[2].isdigit() and not self._published(target):
            raise missing(f"function: {target} is not published")
        return value

    async def remove_targets(self, call: Call) -> Members:
        """RemoveTargets."""
        bus, name = self._bus(call.parameters), text(call.parameters, "Rule")
        gone = texts(call.parameters, "Ids")
        self._check_batch(gone)
        async with self._turns.of(key_of(bus, name)):
            self._seen(bus, name)
            fragment = self._refuse_of_config(bus, name)
            there = {one["id"]: one for one in fragment.value.get("targets", [])}
            told = f"Rule {name} has no target of this id."
            failed = [{"TargetId": one, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": told} for one in gone if one not in there]
            left = [one for one in there.values() if one["id"] not in gone]
            known = {key: one for key, one in fragment.about.get("targets", {}).items() if key not in gone}
            if len(left) < len(there):
                await self._declare(bus, name, {**fragment.value, "targets": left}, {**fragment.about, "targets": known})
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    async def list_targets(self, call: Call) -> Members:
        """ListTargetsByRule."""
        seen = self._seen(self._bus(call.parameters), text(call.parameters, "Rule"))
        rows = [seen.given.get(target.id) or words.shown(target, self._place) for target in seen.targets]
        return page(call.parameters, [(row["Id"], row) for row in rows], "Targets")

    async def list_names(self, call: Call) -> Members:
        """ListRuleNamesByTarget."""
        bus, arn = self._bus(call.parameters), text(call.parameters, "TargetArn")
        found = [seen.name for seen in self._all(bus) if any(target.arn(self._place) == arn for target in seen.targets)]
        return page(call.parameters, [(name, name) for name in found], "RuleNames")

    # -- tags

    async def tagged(self, bus: str, name: str) -> Members:
        """ListTagsForResource of a rule."""
        return {"Tags": spoken(self._seen(bus, name).tags)}

    async def tag(self, bus: str, name: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        """Change a rule's tags."""
        async with self._turns.of(key_of(bus, name)):
            seen = self._seen(bus, name)
            fragment = self._refuse_of_config(bus, name)
            await self._declare(bus, name, {**fragment.value, "tags": change(dict(seen.tags))}, fragment.about)

    # -- what there is

    def _bus(self, given: Members) -> str:
        """The bus of a request, which is there."""
        bus = bus_of(given, self._place)
        if bus not in self._declared.config.buses:
            raise missing(f"Event bus {bus} does not exist.")
        return bus

    def _seen(self, bus: str, name: str) -> Seen:
        seen = self._find(bus, name)
        if seen is None:
            raise missing(f"Rule {name} does not exist on EventBus {bus}.")
        return seen

    def _find(self, bus: str, name: str) -> Seen | None:
        return next((seen for seen in self._all(bus) if seen.name == name), None)

    def _all(self, bus: str) -> list[Seen]:
        """All rules of a bus, those of triggers included."""
        own = [self._of(ruling) for ruling in self._declared.config.rules.values() if ruling.bus == bus]
        own += [seen for seen in self._scheduled() if bus == DEFAULT]
        names = {seen.name for seen in own}
        return own + [
            Seen(bus, rule.name, rule.targets, rule.written) for rule in self._laid() if rule.bus == bus and rule.name not in names
        ]

    def _scheduled(self) -> Iterator[Seen]:
        """The rules of `schedule:` triggers; those that are EventBridge Scheduler's are schedules."""
        for function, trigger, place in triggers(self._declared.config, ScheduleTrigger):
            if not trigger.scheduler:
                given = WHOLE if trigger.input is None else Input(text=trigger.input)
                target = Target(Destination("function", function.target_at(place)), input=given)
                yield Seen(DEFAULT, trigger.named(function.name, place), (target,), schedule=trigger.text)

    def _of(self, ruling: Ruling) -> Seen:
        fragment = self._fragment(ruling.bus, ruling.name)
        about = fragment.about if fragment is not None else {}
        return Seen(
            ruling.bus,
            ruling.name,
            ruling.targets,
            about.get("pattern") or ruling.written,
            ruling.schedule.text if ruling.schedule is not None else "",
            ruling.enabled,
            ruling.description,
            ruling.tags,
            about.get("targets", {}),
        )

    def _fragment(self, bus: str, name: str) -> Any:
        return self._declared.get(KIND, key_of(bus, name))

    def _refuse_of_config(self, bus: str, name: str) -> Any:
        """What the API declared of a rule. Raises AwsError when the rule is config.yaml's."""
        fragment = self._fragment(bus, name)
        if fragment is None:
            told = (
                f"rule {name} of bus {bus} is declared in config.yaml, which the API does not change: change it there, then router reload"
            )
            raise AwsError("ManagedRuleException", told)
        return fragment

    async def _declare(self, bus: str, name: str, value: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        if self._fragment(bus, name) is None and self._find(bus, name) is not None:
            self._refuse_of_config(bus, name)
        with refusals("ManagedRuleException"):
            await self._declared.put(KIND, key_of(bus, name), value, about)


def checked(pattern: str) -> None:
    """Raises AwsError in AWS's words for a pattern that is none."""
    try:
        compile_pattern(pattern)
    except InvalidPattern as error:
        raise AwsError("InvalidEventPatternException", refusal(error)) from error


async def test_pattern(call: Call) -> Members:
    """TestEventPattern."""
    pattern, event = text(call.parameters, "EventPattern"), text(call.parameters, "Event")
    checked(pattern)
    try:
        value = json.loads(event)
    except (ValueError, RecursionError):
        raise invalid("Parameter Event is not valid. Reason: it is not valid JSON.") from None
    required = ("id", "account", "source", "time", "region", "resources", "detail-type")
    if not isinstance(value, Mapping) or any(key not in value for key in required):
        raise invalid(f"Parameter Event is not valid. Reason: it is an event with {', '.join(required)}.")
    return {"Result": compile_pattern(pattern).matches(value)}
