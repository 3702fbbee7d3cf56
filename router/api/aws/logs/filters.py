"""CloudWatch Logs: subscription filters. Kept as triggers of their functions that were declared through the API; those of config.yaml are
shown too, and not changed.

Sources: CloudWatch Logs API reference, PutSubscriptionFilter; messages as they are recorded of AWS."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from router import names
from router.api.aws.logs import tokens
from router.api.aws.logs.place import Place, invalid, no_group, number, shown, text
from router.api.aws.logs.reading import pattern_of
from router.api.aws.service import AwsError, Call, Members
from router.api.declared import Change, Declared, DeclaredInConfig, Unit
from router.config.fragments import TRIGGERS, Fragment
from router.errors import InvalidParameter
from router.events import arns
from router.iam import evaluation
from router.iam.policy import Policy
from router.iam.principals import service
from router.journal.database import Database
from router.sources.logs_places import Places, beginning
from router.sources.logs_trigger import NAME, LogsTrigger
from router.telemetry import logfollow
from router.telemetry.loggroups import LogGroups

MOST: Final = 2  # of one group: CloudWatch Logs quotas
PAGE: Final = 50
INVOKE: Final = "lambda:InvokeFunction"
_NOT_HERE: Final = ("applyOnTransformedLogs", "emitSystemFields", "fieldSelectionCriteria")
_DENIED: Final = "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function."


class _Filter(NamedTuple):
    """One that is there."""

    group: str
    name: str
    pattern: str
    target: str  # a function, NAME or NAME:QUALIFIER
    made: int | None  # epoch milliseconds; None: it is config.yaml's


class Filters:
    """The operations."""

    def __init__(self, groups: LogGroups, database: Database, declared: Declared, policies: Callable[[str], Policy | None]) -> None:
        """*policies*: what AddPermission said of a function, NAME or NAME:QUALIFIER."""
        self._groups, self._places, self._declared, self._policies = groups, Places(database), declared, policies
        self._turn = asyncio.Lock()  # the filters of a group are looked at and one is added before the next one is

    @property
    def _place(self) -> Place:
        config = self._declared.config
        return Place(config.region, config.account)

    async def put(self, call: Call) -> Members:
        """PutSubscriptionFilter: makes one, behind what is in the group by now, or puts it in the place of that with its name."""
        members = call.parameters
        group, name, pattern = self._place.group(members), _name(members), text(members, "filterPattern")
        pattern_of(pattern)
        target = self._target(members)
        _refuse(members)
        await self._check(group)
        async with self._turn:
            there = self._of(group)
            fresh = name not in {one.name for one in there}
            if fresh and len(there) >= MOST:
                raise AwsError("LimitExceededException", "Resource limit exceeded.")
            self._check_ours(there, name)
            self._check_open(group, target)
            function, _, qualifier = target.partition(":")
            said = {"group": group, "filter_pattern": pattern, "name": name} | ({"qualifier": qualifier} if qualifier else {})
            try:
                fragment = Fragment(TRIGGERS, _key(group, name), {"function": function, "trigger": {LogsTrigger.word: said}})
                await self._declared.change(Change((fragment,), beside=(await self._beginning(group, name),) if fresh else ()))
            except InvalidParameter as error:
                raise invalid(str(error)) from error
        return {}

    async def _beginning(self, group: str, name: str) -> Unit:
        """What has it begin here, recorded with its declaration: whatever is written from now on is for it."""
        await self._places.prepare()
        self._groups.store.flush()
        return beginning((group, name), await asyncio.to_thread(lambda: logfollow.ends(self._groups.streams(group))))

    async def describe(self, call: Call) -> Members:
        """DescribeSubscriptionFilters, by name."""
        members = call.parameters
        group, prefix = self._place.group(members), text(members, "filterNamePrefix", "")
        limit, after = number(members, "limit", PAGE, low=1, high=PAGE), tokens.after(members)
        await self._check(group)
        found = sorted((one for one in self._of(group) if one.name.startswith(prefix) and one.name > after), key=lambda one: one.name)
        made: dict[str, Any] = {"subscriptionFilters": [self._told(one) for one in found[:limit]]}
        return made | ({"nextToken": tokens.packed(found[limit - 1].name)} if len(found) > limit else {})

    async def delete(self, call: Call) -> Members:
        """DeleteSubscriptionFilter."""
        group, name = self._place.group(call.parameters), _name(call.parameters)
        await self._check(group)
        async with self._turn:
            there = self._of(group)
            if name not in {one.name for one in there}:
                raise AwsError("ResourceNotFoundException", "The specified subscription filter does not exist.")
            self._check_ours(there, name)
            await self._declared.remove(TRIGGERS, _key(group, name))
        return {}

    async def forget(self, group: str) -> None:
        """A group is gone, and with it those that were made through the API."""
        async with self._turn:
            keys = tuple((TRIGGERS, _key(group, one.name)) for one in self._of(group) if one.made is not None)
            if keys:
                await self._declared.change(Change(removes=keys))

    async def _check(self, group: str) -> None:
        if not await self._groups.has(group):
            raise no_group()

    @staticmethod
    def _check_ours(there: list[_Filter], name: str) -> None:
        for one in there:
            if one.name == name and one.made is None:
                raise DeclaredInConfig("functions", f"{names.base(one.target)}.triggers")

    def _target(self, members: Members) -> str:
        """The function under destinationArn. Raises AwsError."""
        arn = text(members, "destinationArn")
        vendor = arn.split(":")[2] if arn.count(":") >= 5 else ""
        if vendor != "lambda":
            raise invalid(f"PutSubscriptionFilter operation cannot work with destinationArn for vendor {shown(vendor or arn)}")
        if members.get("roleArn"):
            raise invalid("destinationArn for vendor lambda cannot be used with roleArn")
        kind, target = arns.destination(arn, region=self._place.region, account=self._place.account) or ("", "")
        if kind != "function" or names.base(target) not in self._declared.config.functions:
            raise invalid(_DENIED)
        return target

    def _check_open(self, group: str, target: str) -> None:
        """Whether the function lets CloudWatch Logs invoke it for this group, and does not write there itself. Raises AwsError."""
        place, config = self._place, self._declared.config
        function = config.functions[names.base(target)]
        if group == function.log_group:
            raise invalid("The log group provided is reserved for the function logs of the destination function.")
        policy = self._policies(target)
        context = {"aws:sourcearn": (f"{place.arn(group)}:*",), "aws:sourceaccount": (place.account,)}
        arn = names.function_arn(place.region, place.account, target)
        asked = (
            evaluation.Request(INVOKE, arn, service(principal), context, place.account)
            for principal in ("logs.amazonaws.com", f"logs.{place.region}.amazonaws.com")
        )
        if policy is None or not any(evaluation.evaluate(one, evaluation.Policies(resource=policy)).allowed for one in asked):
            raise invalid(_DENIED)

    def _of(self, group: str) -> list[_Filter]:
        return [one for one in self._all() if one.group == group]

    def _all(self) -> Iterator[_Filter]:
        """Those of enabled triggers. What was declared through the API is told by its name, which is made of the filter's."""
        config, declared = self._declared.config, self._declared
        for function in config.functions.values():
            for (place, trigger), target in zip(function.placed(), function.targets(), strict=True):
                if isinstance(trigger, LogsTrigger):
                    group, name = trigger.key(function.name, place)
                    fragment = declared.get(TRIGGERS, _key(group, name))
                    made = None if fragment is None else int(fragment.made * 1000)
                    yield _Filter(group, name, trigger.filter_pattern, target.removesuffix(f":{names.LATEST}"), made)

    def _told(self, one: _Filter) -> dict[str, Any]:
        told = {
            "filterName": one.name,
            "logGroupName": one.group,
            "filterPattern": one.pattern,
            "destinationArn": names.function_arn(self._place.region, self._place.account, one.target),
            "distribution": "ByLogStream",
            "applyOnTransformedLogs": False,
        }
        return told if one.made is None else told | {"creationTime": one.made}


def _name(members: Members) -> str:
    name = text(members, "filterName")
    if not re.fullmatch(NAME, name):
        told = "Member must satisfy regular expression pattern: [^:*]*"
        raise invalid(f"1 validation error detected: Value '{shown(name)}' at 'filterName' failed to satisfy constraint: {told}")
    return name


def _refuse(members: Members) -> None:
    """What is not done here. Raises AwsError."""
    if odd := next((key for key in _NOT_HERE if members.get(key)), ""):
        raise invalid(f"{odd} is not supported here.")
    if text(members, "distribution", "ByLogStream") != "ByLogStream":
        raise invalid("distribution is of Kinesis streams; the events of a log stream go to a function together.")


def _key(group: str, name: str) -> str:
    return "logs-" + hashlib.sha256(f"{group}\n{name}".encode()).hexdigest()[:20]
