"""Amazon CloudWatch Logs, API version 2014-03-28, over the log groups on disk (router/telemetry)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar

from router.api.aws.logs.filters import Filters
from router.api.aws.logs.managing import Managing
from router.api.aws.logs.place import Place, group_name, stream_name, text
from router.api.aws.logs.reading import Reading
from router.api.aws.service import Call, Members, Need, Operation
from router.clock import Clock
from router.iam.policy import Policy
from router.telemetry.loggroups import LogGroups

Run = Callable[[Call], Awaitable[Members]]


class Logs:
    """Log groups, streams, events."""

    name: ClassVar[str] = "logs"

    def __init__(self, groups: LogGroups, filters: Filters, clock: Clock, place: Place) -> None:
        self._place = place
        managing, reading = Managing(groups, place, clock, filters.forget), Reading(groups, place)
        self._operations: dict[str, Operation] = {
            "CreateLogGroup": Operation(managing.create_group, self._create_needs),
            "DeleteLogGroup": self._on_group("DeleteLogGroup", managing.delete_group),
            "DescribeLogGroups": Operation(managing.groups, lambda _: [Need("logs:DescribeLogGroups", self._place.resource(""))]),
            "PutRetentionPolicy": self._on_group("PutRetentionPolicy", managing.retain),
            "DeleteRetentionPolicy": self._on_group("DeleteRetentionPolicy", managing.retain_no_more),
            "ListTagsForResource": self._on_resource("ListTagsForResource", managing.tags),
            "TagResource": self._on_resource("TagResource", managing.tag),
            "UntagResource": self._on_resource("UntagResource", managing.untag),
            "ListTagsLogGroup": self._on_group("ListTagsLogGroup", managing.tags),
            "TagLogGroup": self._on_group("TagLogGroup", managing.tag),
            "UntagLogGroup": self._on_group("UntagLogGroup", managing.untag),
            "CreateLogStream": self._on_group("CreateLogStream", managing.create_stream),
            "DeleteLogStream": self._on_stream("DeleteLogStream", managing.delete_stream),
            "DescribeLogStreams": self._on_group("DescribeLogStreams", managing.streams),
            "PutLogEvents": self._on_stream("PutLogEvents", managing.put),
            "GetLogEvents": self._on_stream("GetLogEvents", reading.events),
            "FilterLogEvents": self._on_group("FilterLogEvents", reading.search),
            "PutSubscriptionFilter": self._on_group("PutSubscriptionFilter", filters.put),
            "DescribeSubscriptionFilters": self._on_group("DescribeSubscriptionFilters", filters.describe),
            "DeleteSubscriptionFilter": self._on_group("DeleteSubscriptionFilter", filters.delete),
            "TestMetricFilter": Operation(reading.test, lambda _: [Need("logs:TestMetricFilter", "*")]),
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        """See Service."""
        return self._operations

    def policy(self, resource: str) -> Policy | None:  # noqa: ARG002 - see Service
        """Log groups have none."""
        return None

    def _create_needs(self, call: Call) -> Sequence[Need]:
        resource = self._place.resource(group_name(text(call.parameters, "logGroupName")))
        return [Need("logs:CreateLogGroup", resource)] + ([Need("logs:TagResource", resource)] if call.parameters.get("tags") else [])

    def _on_group(self, action: str, run: Run) -> Operation:
        return Operation(run, lambda call: [Need(f"logs:{action}", self._place.resource(self._place.group(call.parameters)))])

    def _on_stream(self, action: str, run: Run) -> Operation:
        def needs(call: Call) -> Sequence[Need]:
            resource = self._place.resource(self._place.group(call.parameters), stream_name(call.parameters))
            return [Need(f"logs:{action}", resource)]

        return Operation(run, needs)

    def _on_resource(self, action: str, run: Run) -> Operation:
        def needs(call: Call) -> Sequence[Need]:
            return [Need(f"logs:{action}", self._place.resource(self._place.named(text(call.parameters, "resourceArn"))))]

        return Operation(run, needs)
