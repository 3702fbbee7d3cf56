"""EventBridge Scheduler's operations on schedules. What is made here is declared (router/api/declared.py): durable, and in force on return."""

import asyncio
import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from router import names
from router.api.aws.events import targets as words
from router.api.aws.events.members import invalid, number, page, refusals, refuse, structure, text
from router.api.aws.scheduler import times
from router.api.aws.service import AwsError, Call, Members
from router.api.declared import Change, Declared
from router.api.matching import triggers
from router.clock import Clock
from router.config.buses import DEFAULT, key_of
from router.config.fragments import Fragment
from router.config.types import Destination, ScheduleGroup
from router.events.eventbridge import Place
from router.sources.planned import Planned
from router.sources.schedule_trigger import NAME, ScheduleTrigger
from router.sources.scheduled_targets import bare
from router.sources.targets import Target

KIND: Final = "schedules"
PASSED: Final = "scheduler.amazonaws.com"
_UNSUPPORTED: Final = ("EcsParameters", "KinesisParameters", "SageMakerPipelineParameters")
_MINUTES: Final = 1440  # of a flexible time window


def group_of(given: Members) -> str:
    """The group of a request."""
    return text(given, "GroupName", DEFAULT) or DEFAULT


def group_arn(place: Place, name: str) -> str:
    """The ARN of a group."""
    return names.schedule_group_arn(place.region, place.account, name)


def there_not(what: str) -> AwsError:
    """What a request is about is not there."""
    return AwsError("ResourceNotFoundException", f"{what} does not exist.", 404)


class Schedules:
    """What is done with schedules."""

    def __init__(self, declared: Declared, gone: Callable[[], Collection[str]], place: Place, clock: Clock) -> None:
        self.declared, self._gone, self._place, self._clock = declared, gone, place, clock
        self.turn = asyncio.Lock()  # changes are read, made and declared one after another; groups are deleted with theirs

    async def create(self, call: Call) -> Members:
        """CreateSchedule; the same token again is the same request again."""
        given = call.parameters
        group, name = group_of(given), text(given, "Name")
        fragment = self._made(given, group, name)
        async with self.turn:
            self.group(group)
            there = self._fragment(group, name)
            token = given.get("ClientToken")
            if token and there is not None and there.about.get("token") == token:
                return {"ScheduleArn": self._arn(group, name)}
            if self._find(group, name) is not None:
                raise AwsError("ConflictException", f"Schedule {name} already exists.", 409)
            if fragment.value["enabled"]:
                times.check(given, self._clock.now())
            over = tuple((KIND, key) for key in sorted(self._over()))
            with refusals("ConflictException", 409):
                await self.declared.change(Change((fragment,), over))
        return {"ScheduleArn": self._arn(group, name)}

    async def update(self, call: Call) -> Members:
        """UpdateSchedule: all of it anew."""
        given = call.parameters
        group, name = group_of(given), text(given, "Name")
        fragment = self._made(given, group, name)
        async with self.turn:
            self._there(group, name)
            self._refuse_of_config(group, name)
            with refusals("ConflictException", 409):
                await self.declared.put(KIND, fragment.name, fragment.value, fragment.about)
        return {"ScheduleArn": self._arn(group, name)}

    async def delete(self, call: Call) -> Members:
        """DeleteSchedule."""
        group, name = group_of(call.parameters), text(call.parameters, "Name")
        async with self.turn:
            self._there(group, name)
            self._refuse_of_config(group, name)
            with refusals("ConflictException", 409):
                await self.declared.remove(KIND, key_of(group, name))
        return {}

    async def get(self, call: Call) -> Members:
        """GetSchedule."""
        found = self._there(group_of(call.parameters), text(call.parameters, "Name"))
        timing, window = found.timing, found.timing.window
        made: dict[str, Any] = self._summary(found) | {
            "ScheduleExpression": timing.text,
            "ScheduleExpressionTimezone": timing.timezone or "UTC",
            "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": window // 60} if window else {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE" if timing.delete else "NONE",
            "Target": self._target(found),
        }
        more = (("StartDate", timing.start), ("EndDate", timing.end), ("Description", found.description))
        return made | {key: value for key, value in more if value}

    async def many(self, call: Call) -> Members:
        """ListSchedules."""
        given = call.parameters
        group, prefix, state = text(given, "GroupName", ""), text(given, "NamePrefix", ""), text(given, "State", "")
        if group:
            self.group(group)
        rows = [
            (f"{found.group}/{found.name}", self._summary(found) | {"Target": {"Arn": found.target.arn(self._place)}})
            for found in self.all()
            if found.group == (group or found.group) and found.name.startswith(prefix) and (not state or _state(found) == state)
        ]
        return page(given, rows, "Schedules", limit="MaxResults")

    # -- from AWS's members to config.yaml's words

    def _made(self, given: Members, group: str, name: str) -> Fragment:
        refuse(given, "KmsKeyArn")
        if not re.fullmatch(NAME, name):
            raise invalid("Name is 1 to 64 letters, digits, hyphens, underscores and dots.")
        value = times.read(given) | {"enabled": _choice(given, "State", "ENABLED", "DISABLED") == "ENABLED"}
        if described := text(given, "Description", ""):
            value["description"] = described
        if minutes := _window(structure(given, "FlexibleTimeWindow")):
            value["flexible_window"] = f"{minutes}m"
        if _choice(given, "ActionAfterCompletion", "NONE", "DELETE") == "DELETE":
            value["action_after_completion"] = "DELETE"
        target = structure(given, "Target")
        value |= self._targeted(target)
        return Fragment(KIND, key_of(group, name), value, {"target": dict(target), "token": text(given, "ClientToken", "")})

    def _targeted(self, given: Members) -> dict[str, Any]:
        """Target, with the input that is the schedule's own in config.yaml."""
        refuse(given, *_UNSUPPORTED)
        arn = text(given, "Arn")
        if arn.startswith("arn:aws:scheduler:::"):
            raise invalid(f"{arn[:200]}: universal targets are not supported here; a function can make the call.")
        kind, name = words.where(arn, self._place)
        if kind == "log_group":
            raise invalid(f"Provided Arn is not in correct format: {arn[:200]} is no target of a schedule.")
        target: dict[str, Any] = {kind: name, "role": words.role_of(text(given, "RoleArn"), self._place)} | words.terms(given, self._place)
        put = structure(given, "EventBridgeParameters")
        target |= {key: text(put, member) for key, member in (("source", "Source"), ("detail_type", "DetailType")) if put}
        written = given.get("Input")
        return {"target": target} | ({"input": _input(text(given, "Input"), kind)} if written else {})

    # -- from config.yaml's words to AWS's members

    def _summary(self, found: Planned) -> dict[str, Any]:
        fragment = self._fragment(found.group, found.name)
        made = {"Arn": self._arn(found.group, found.name), "GroupName": found.group, "Name": found.name, "State": _state(found)}
        return made | ({"CreationDate": fragment.made, "LastModificationDate": fragment.changed} if fragment is not None else {})

    def _target(self, found: Planned) -> dict[str, Any]:
        """A target as answers have it: whatever was given, its retry policy is told whole."""
        retry = {"MaximumEventAgeInSeconds": int(found.target.age), "MaximumRetryAttempts": found.target.attempts}
        return self._targeting(found) | {"RetryPolicy": retry}

    def _targeting(self, found: Planned) -> dict[str, Any]:
        fragment = self._fragment(found.group, found.name)
        if fragment is not None and isinstance(fragment.about.get("target"), Mapping):
            return dict(fragment.about["target"])
        made = {key: value for key, value in words.shown(found.target, self._place).items() if key != "Id"}
        if (whole := found.timing.input) is not None:
            made["Input"] = bare(whole.encode()).decode() if found.target.to.kind in {"queue", "topic"} else whole
        if found.target.source:
            made["EventBridgeParameters"] = {"Source": found.target.source, "DetailType": found.target.detail_type}
        return made

    # -- what there is

    def all(self) -> list[Planned]:
        """All schedules but those that are over and were to be deleted then; those of triggers that are EventBridge Scheduler's too."""
        config, over = self.declared.config, self._gone()
        own = [
            Planned(trigger.named(function.name, place), trigger, Target(Destination("function", function.target_at(place))))
            for function, trigger, place in triggers(config, ScheduleTrigger)
            if trigger.scheduler
        ]
        return [found for found in (*config.schedules.values(), *own) if found.key not in over]

    def group(self, name: str) -> ScheduleGroup:
        """A group that is there."""
        found = self.declared.config.schedule_groups.get(name)
        if found is None:
            raise there_not(f"Schedule group {name}")
        return found

    def _over(self) -> list[str]:
        """Declared schedules that are over: room for others."""
        return [key for key in self._gone() if self.declared.get(KIND, key) is not None]

    def _find(self, group: str, name: str) -> Planned | None:
        return next((found for found in self.all() if (found.group, found.name) == (group, name)), None)

    def _there(self, group: str, name: str) -> Planned:
        self.group(group)
        found = self._find(group, name)
        if found is None:
            raise there_not(f"Schedule {name}")
        return found

    def _fragment(self, group: str, name: str) -> Fragment | None:
        return self.declared.get(KIND, key_of(group, name))

    def _refuse_of_config(self, group: str, name: str) -> None:
        if self._fragment(group, name) is None:
            told = f"schedule {name} is declared in config.yaml, which the API does not change: change it there, then router reload"
            raise AwsError("ConflictException", told, 409)

    def _arn(self, group: str, name: str) -> str:
        return names.schedule_arn(self._place.region, self._place.account, name, group)


def _state(found: Planned) -> str:
    return "ENABLED" if found.enabled else "DISABLED"


def _choice(given: Members, member: str, *options: str) -> str:
    value = text(given, member, options[0]) or options[0]
    if value not in options:
        raise invalid(f"{member} is one of {', '.join(options)}.")
    return value


def _window(given: Members) -> int:
    """The minutes of a FlexibleTimeWindow; 0 without one."""
    if _choice(given, "Mode", "OFF", "FLEXIBLE") == "OFF":
        if given.get("MaximumWindowInMinutes") is not None:
            raise invalid("MaximumWindowInMinutes must not be provided when FlexibleTimeWindowMode is set to OFF.")
        return 0
    return number(given, "MaximumWindowInMinutes", 0, low=1, high=_MINUTES) or _without_window()


def _without_window() -> int:
    raise invalid("MaximumWindowInMinutes is required with Mode FLEXIBLE.")


def _input(written: str, kind: str) -> Any:
    """The input's value: JSON for functions and buses, for a queue or topic the text as it is."""
    if kind in {"queue", "topic"}:
        return written
    try:
        return json.loads(written, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise invalid("Input is not valid JSON, which functions and event buses take.") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
