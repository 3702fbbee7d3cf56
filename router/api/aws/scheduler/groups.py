"""EventBridge Scheduler's operations on groups of schedules, and their tags."""

from collections.abc import Callable
from typing import Any, Final

from router.api.aws.events.members import invalid, page, refusals, spoken, tags, text, texts
from router.api.aws.scheduler.schedules import KIND as SCHEDULES
from router.api.aws.scheduler.schedules import Schedules, group_arn, there_not
from router.api.aws.service import AwsError, Call, Members
from router.api.declared import Change, Declared
from router.config.buses import DEFAULT, key_of
from router.events.eventbridge import Place

KIND: Final = "schedule_groups"
ACTIVE: Final = "ACTIVE"


class Groups:
    """What is done with groups."""

    def __init__(self, declared: Declared, schedules: Schedules, place: Place) -> None:
        self._declared, self._schedules, self._place = declared, schedules, place

    async def create(self, call: Call) -> Members:
        """CreateScheduleGroup; the same token again is the same request again."""
        name, token = text(call.parameters, "Name"), text(call.parameters, "ClientToken", "")
        async with self._schedules.turn:
            there = self._declared.get(KIND, name)
            if token and there is not None and there.about.get("token") == token:
                return {"ScheduleGroupArn": group_arn(self._place, name)}
            if name in self._declared.config.schedule_groups:
                raise AwsError("ConflictException", f"Schedule group {name} already exists.", 409)
            found = tags(call.parameters)
            with refusals("ConflictException", 409):
                await self._declared.put(KIND, name, {"tags": found} if found else {}, {"token": token})
        return {"ScheduleGroupArn": group_arn(self._place, name)}

    async def delete(self, call: Call) -> Members:
        """DeleteScheduleGroup, with the schedules in it."""
        name = text(call.parameters, "Name")
        if name == DEFAULT:
            raise invalid("The default schedule group can't be deleted.")
        async with self._schedules.turn:
            self._schedules.group(name)
            inside = [found for found in self._declared.config.schedules.values() if found.group == name]
            gone = [(SCHEDULES, key_of(name, found.name)) for found in inside]
            if self._declared.get(KIND, name) is None or any(self._declared.get(*key) is None for key in gone):
                told = f"schedule group {name} is declared in config.yaml, or a schedule in it is; the API does not change that"
                raise AwsError("ConflictException", told, 409)
            with refusals("ConflictException", 409):
                await self._declared.change(Change(removes=((KIND, name), *gone)))
        return {}

    async def get(self, call: Call) -> Members:
        """GetScheduleGroup."""
        return self._shown(self._schedules.group(text(call.parameters, "Name")).name)

    async def many(self, call: Call) -> Members:
        """ListScheduleGroups."""
        prefix = text(call.parameters, "NamePrefix", "")
        rows = [(name, self._shown(name)) for name in self._declared.config.schedule_groups if name.startswith(prefix)]
        return page(call.parameters, rows, "ScheduleGroups", limit="MaxResults")

    def _shown(self, name: str) -> dict[str, Any]:
        fragment = self._declared.get(KIND, name)
        made = {"Arn": group_arn(self._place, name), "Name": name, "State": ACTIVE}
        return made | ({"CreationDate": fragment.made, "LastModificationDate": fragment.changed} if fragment is not None else {})

    # -- tags

    async def tagged(self, call: Call) -> Members:
        """ListTagsForResource."""
        return {"Tags": spoken(self._schedules.group(self._named(call)).tags)}

    async def tag(self, call: Call) -> Members:
        """TagResource."""
        given = tags(call.parameters)
        return await self._retag(call, lambda found: found | given)

    async def untag(self, call: Call) -> Members:
        """UntagResource."""
        gone = texts(call.parameters, "TagKeys")
        return await self._retag(call, lambda found: {key: value for key, value in found.items() if key not in gone})

    async def _retag(self, call: Call, change: Callable[[dict[str, str]], dict[str, str]]) -> Members:
        name = self._named(call)
        async with self._schedules.turn:
            found = change(dict(self._schedules.group(name).tags))
            with refusals("ConflictException", 409):
                await self._declared.put(KIND, name, {"tags": found})
        return {}

    def _named(self, call: Call) -> str:
        """The group under the ARN of a request."""
        arn, own = text(call.parameters, "ResourceArn"), group_arn(self._place, "")
        if not arn.startswith(own):
            raise there_not(f"Schedule group {arn[:200]}")
        return arn.removeprefix(own)
