"""Amazon SNS, API version 2010-03-31, over the daemon's topics (router/sources/topics.py): to queues and functions."""

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar

from router.api.aws.declaring import Declared
from router.api.aws.service import Call, Members, Need, Operation
from router.api.aws.sns.managing import Managing
from router.api.aws.sns.place import Place, text
from router.api.aws.sns.publishing import Publishing, target
from router.api.aws.sqs.policies import policy_of
from router.iam.policy import Policy
from router.sources.base import Outlet
from router.sources.topics import Topics

Run = Callable[[Call], Awaitable[Members]]


class Sns:
    """Topics, their subscriptions, their messages."""

    name: ClassVar[str] = "sns"

    def __init__(self, topics: Topics, outlet: Outlet, declared: Declared, *, region: str, account: str) -> None:
        self._topics, self._place = topics, Place(region, account)
        publishing, managing = Publishing(topics, outlet, self._place), Managing(topics, declared, self._place)
        self._operations: dict[str, Operation] = {
            "Publish": Operation(publishing.publish, lambda call: [Need("sns:Publish", target(call.parameters))]),
            "PublishBatch": self._on("TopicArn", "Publish", publishing.batch),
            "CreateTopic": Operation(managing.create, self._create_needs),
            "DeleteTopic": self._on("TopicArn", "DeleteTopic", managing.delete),
            "ListTopics": Operation(managing.list, lambda _: [Need("sns:ListTopics", "*")]),
            "GetTopicAttributes": self._on("TopicArn", "GetTopicAttributes", managing.attributes),
            "SetTopicAttributes": self._on("TopicArn", "SetTopicAttributes", managing.set_attributes),
            "Subscribe": Operation(managing.subscribe, managing.subscribe_needs),
            "Unsubscribe": self._on_subscription("Unsubscribe", managing.unsubscribe),
            "ListSubscriptions": Operation(managing.subscriptions, lambda _: [Need("sns:ListSubscriptions", "*")]),
            "ListSubscriptionsByTopic": self._on("TopicArn", "ListSubscriptionsByTopic", managing.subscriptions_of),
            "GetSubscriptionAttributes": self._on_subscription("GetSubscriptionAttributes", managing.subscription),
            "SetSubscriptionAttributes": Operation(managing.set_subscription, managing.set_needs),
            "ListTagsForResource": self._on("ResourceArn", "ListTagsForResource", managing.tags),
            "TagResource": self._on("ResourceArn", "TagResource", managing.tag),
            "UntagResource": self._on("ResourceArn", "UntagResource", managing.untag),
            "AddPermission": self._on("TopicArn", "AddPermission", managing.permit),
            "RemovePermission": self._on("TopicArn", "RemovePermission", managing.forbid),
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        """See Service."""
        return self._operations

    def policy(self, resource: str) -> Policy | None:
        """A topic's own."""
        place = self._place.arn("")
        topic = self._topics.topics.get(resource.removeprefix(place)) if resource.startswith(place) else None
        return policy_of(f"topic {topic.name}", topic.policy) if topic is not None and topic.policy else None

    def _create_needs(self, call: Call) -> list[Need]:
        arn = self._place.arn(text(call.parameters, "Name"))
        return [Need("sns:CreateTopic", arn)] + ([Need("sns:TagResource", arn)] if call.parameters.get("Tags") else [])

    def _on(self, member: str, action: str, run: Run) -> Operation:
        return Operation(run, lambda call: [Need(f"sns:{action}", text(call.parameters, member))])

    def _on_subscription(self, action: str, run: Run) -> Operation:
        return Operation(run, lambda call: [Need(f"sns:{action}", self._place.topic_of(text(call.parameters, "SubscriptionArn")))])
