"""Amazon EventBridge Scheduler, API version 2021-06-30, over declared schedules (router/sources/schedule.py runs them).

Targets are functions, queues, topics and event buses; universal targets (arn:aws:scheduler:::aws-sdk:…) are refused."""

from collections.abc import Callable, Collection, Mapping
from typing import ClassVar, Self

from router import names
from router.api.aws.events.members import text
from router.api.aws.events.targets import needs as target_needs
from router.api.aws.scheduler.groups import Groups
from router.api.aws.scheduler.schedules import PASSED, Schedules, group_arn, group_of
from router.api.aws.service import Call, Need, Operation
from router.api.calls import Calls
from router.api.declared import Declared
from router.clock import Clock
from router.events.eventbridge import Place
from router.iam.policy import Policy
from router.sources.base import House
from router.sources.schedule import ScheduleSource


class Scheduler:
    """Schedules and their groups."""

    name: ClassVar[str] = "scheduler"

    def __init__(self, declared: Declared, gone: Callable[[], Collection[str]], clock: Clock, *, region: str, account: str) -> None:
        """*gone*: the schedules that were to be deleted after their last tick, and have had it."""
        self._place = Place(region, account)
        schedules = Schedules(declared, gone, self._place, clock)
        groups = Groups(declared, schedules, self._place)
        self._operations: dict[str, Operation] = {
            "CreateSchedule": Operation(schedules.create, self._setting("CreateSchedule")),
            "UpdateSchedule": Operation(schedules.update, self._setting("UpdateSchedule")),
            "GetSchedule": Operation(schedules.get, lambda call: [self._schedule("GetSchedule", call)]),
            "DeleteSchedule": Operation(schedules.delete, lambda call: [self._schedule("DeleteSchedule", call)]),
            "ListSchedules": Operation(schedules.many, lambda _: [Need("scheduler:ListSchedules", "*")]),
            "CreateScheduleGroup": Operation(groups.create, self._creating_group),
            "GetScheduleGroup": Operation(groups.get, lambda call: [self._group("GetScheduleGroup", call)]),
            "DeleteScheduleGroup": Operation(groups.delete, self._deleting_group),
            "ListScheduleGroups": Operation(groups.many, lambda _: [Need("scheduler:ListScheduleGroups", "*")]),
            "ListTagsForResource": Operation(groups.tagged, self._tags("ListTagsForResource")),
            "TagResource": Operation(groups.tag, self._tags("TagResource")),
            "UntagResource": Operation(groups.untag, self._tags("UntagResource")),
        }

    @classmethod
    def of(cls, declared: Declared, calls: Calls, house: House) -> Self:
        """Of a daemon's parts."""

        def gone() -> set[str]:
            return {name for source in calls.sources_of(ScheduleSource) for name in source.gone()}

        return cls(declared, gone, house.clock, region=house.config.region, account=house.config.account)

    @property
    def operations(self) -> Mapping[str, Operation]:
        """See Service."""
        return self._operations

    def policy(self, resource: str) -> Policy | None:  # noqa: ARG002 - schedules have none of their own
        """See Service."""
        return None

    def _schedule(self, action: str, call: Call) -> Need:
        name = text(call.parameters, "Name")
        return Need(f"scheduler:{action}", names.schedule_arn(self._place.region, self._place.account, name, group_of(call.parameters)))

    def _setting(self, action: str) -> Callable[[Call], list[Need]]:
        def needs(call: Call) -> list[Need]:
            target = call.parameters.get("Target")
            passed = target_needs(target, passed=PASSED) if isinstance(target, Mapping) else []
            return [self._schedule(action, call), *passed]

        return needs

    def _group(self, action: str, call: Call) -> Need:
        return Need(f"scheduler:{action}", group_arn(self._place, text(call.parameters, "Name")))

    def _creating_group(self, call: Call) -> list[Need]:
        tagging = [self._group("TagResource", call)] if call.parameters.get("Tags") else []
        return [self._group("CreateScheduleGroup", call), *tagging]

    def _deleting_group(self, call: Call) -> list[Need]:
        """With it go its schedules."""
        inside = names.schedule_arn(self._place.region, self._place.account, "*", text(call.parameters, "Name"))
        return [self._group("DeleteScheduleGroup", call), Need("scheduler:DeleteSchedule", inside)]

    @staticmethod
    def _tags(action: str) -> Callable[[Call], list[Need]]:
        return lambda call: [Need(f"scheduler:{action}", text(call.parameters, "ResourceArn"))]
