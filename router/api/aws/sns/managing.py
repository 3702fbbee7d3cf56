"""SNS's operations on topics and subscriptions. What is made or changed here is declared: durable, and in force on return."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from router import names
from router.api.aws.declaring import Declared
from router.api.aws.service import Call, Members, Need
from router.api.aws.sns.place import Place, mapping, tags, text, texts
from router.api.aws.sqs import policies
from router.api.aws.sqs.policies import Permission
from router.api.turns import Turns
from router.config.queues import FIFO_SUFFIX, TAGS
from router.config.topics import FIFO_SUBSCRIPTIONS, NAME
from router.errors import ConfigError
from router.errors import InvalidParameter as InvalidDeclaration
from router.events.sns_errors import InvalidParameter, NotFound, Refused, ResourceNotFound, SubscriptionLimitExceeded
from router.events.sqs_errors import QueueError
from router.sources import topic_attributes as words
from router.sources.topic_attributes import Value
from router.sources.topic_subscribers import Subscriber
from router.sources.topics import Topics

KIND: Final = "topics"
PAGE: Final = 100  # of one answer
PROTOCOLS: Final = {"sqs": "queue", "lambda": "function"}
_ELSEWHERE: Final = ("http", "https", "email", "email-json", "sms", "application", "firehose")  # what AWS delivers to beside
_PERMITTED: Final = ("*", "Publish", "Subscribe", "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "ListSubscriptionsByTopic")  # fmt: skip


class Managing:
    """What is done with topics and subscriptions."""

    def __init__(self, topics: Topics, declared: Declared, place: Place) -> None:
        self._topics, self._declared, self._place = topics, declared, place
        self._turns = Turns()  # changes of one topic are read, made and declared one after another

    # -- topics

    async def create(self, call: Call) -> Members:
        """CreateTopic; of one that is there and alike, its ARN."""
        members = call.parameters
        name, given, marks = text(members, "Name"), mapping(members, "Attributes"), tags(members)
        if not NAME.fullmatch(name):
            raise InvalidParameter("Topic Name")
        if members.get("DataProtectionPolicy"):
            raise InvalidParameter("DataProtectionPolicy Reason: it is not supported here")
        with _among_attributes():
            value = self._changed(name, {}, given)
        if marks:
            value["tags"] = marks
        async with self._turns.of(name):
            there = self._topics.topics.get(name)
            if there is None:
                await self._declare(name, value)
            else:
                now = words.topic_value(there)
                if any(now.get(word) != value.get(word) for word in value.keys() - {"tags"}):
                    raise InvalidParameter("Attributes Reason: Topic already exists with different attributes")
                if marks and marks != dict(there.tags):
                    raise InvalidParameter("Tags Reason: Topic already exists with different tags")
        return {"TopicArn": self._place.arn(name)}

    async def delete(self, call: Call) -> Members:
        """DeleteTopic, with its subscriptions; one that is not there is deleted already."""
        name = self._place.topic(text(call.parameters, "TopicArn"))
        async with self._turns.of(name):
            if name in self._topics.topics:
                self._own(name)
                try:
                    await self._declared.remove(KIND, name, beside=(await self._topics.forgetting(name),))
                except (InvalidDeclaration, ConfigError) as error:
                    raise Refused(f"The topic {name} is still needed: {error}") from error
                await self._topics.forget(name)  # what was published while the declaration ended
        return {}

    async def list(self, call: Call) -> Members:
        """ListTopics."""
        page, token = _page(sorted(self._topics.topics), call.parameters)
        return {"Topics": [{"TopicArn": self._place.arn(name)} for name in page], **token}

    async def attributes(self, call: Call) -> Members:
        """GetTopicAttributes."""
        name = self._known(call)
        made = {
            "TopicArn": self._place.arn(name),
            "Owner": self._place.account,
            "SubscriptionsConfirmed": str(len(self._topics.subscribers(name))),
            "SubscriptionsPending": "0",
            "SubscriptionsDeleted": "0",
            "Policy": words.default_policy(self._place.arn(name), self._place.account),
        }
        return {"Attributes": made | words.topic_shown(self._topics.topics[name])}

    async def set_attributes(self, call: Call) -> Members:
        """SetTopicAttributes: one at a time."""
        name, attribute = self._known(call), text(call.parameters, "AttributeName")
        if attribute == "FifoTopic":
            raise InvalidParameter("AttributeName")
        given = {attribute: text(call.parameters, "AttributeValue", "")}
        await self._change(name, lambda value: self._changed(name, value, given))
        return {}

    # -- subscriptions

    def subscribe_needs(self, call: Call) -> Sequence[Need]:
        """To subscribe to the topic, and to do oneself what the topic then does: send to the queue, invoke the function."""
        members = call.parameters
        protocol, endpoint = text(members, "Protocol"), text(members, "Endpoint", "")
        context = {"sns:protocol": (protocol,), "sns:endpoint": (endpoint,)}
        action = {"sqs": "sqs:SendMessage", "lambda": "lambda:InvokeFunction"}.get(protocol)
        return [
            Need("sns:Subscribe", text(members, "TopicArn"), context),
            *([Need(action, endpoint)] if action else []),
            *self._dead_letter_needs(mapping(members, "Attributes").get("RedrivePolicy", "")),
        ]

    def set_needs(self, call: Call) -> Sequence[Need]:
        """To change the subscription; with a RedrivePolicy, to send to that queue."""
        members = call.parameters
        found = [Need("sns:SetSubscriptionAttributes", self._place.topic_of(text(members, "SubscriptionArn")))]
        redrive = text(members, "AttributeValue", "") if members.get("AttributeName") == "RedrivePolicy" else ""
        return [*found, *self._dead_letter_needs(redrive)]

    def _dead_letter_needs(self, redrive: str) -> Sequence[Need]:
        to = words.subscription_changed({}, {"RedrivePolicy": redrive}, self._place.queue).get("dead_letter")
        return [Need("sqs:SendMessage", self._place.queue_arn(to["queue"]))] if to else []

    async def subscribe(self, call: Call) -> Members:
        """Subscribe a queue or a function; nothing needs to be confirmed. Of one that is there its ARN, where it has the attributes that are given."""
        name, members = self._known(call), call.parameters
        protocol, endpoint, given = text(members, "Protocol"), text(members, "Endpoint", ""), mapping(members, "Attributes")
        if protocol not in PROTOCOLS and protocol not in _ELSEWHERE:
            raise InvalidParameter(f"Amazon SNS does not support this protocol string: {protocol[:60]}")
        if protocol not in PROTOCOLS:
            raise InvalidParameter(f"Protocol Reason: {protocol[:60]} is not delivered to here; sqs and lambda are")
        kind = PROTOCOLS[protocol]
        target = self._place.queue(endpoint, "SQS endpoint ARN") if kind == "queue" else self._place.function(endpoint)
        if kind == "queue" and target.endswith(FIFO_SUFFIX) and not name.endswith(FIFO_SUFFIX):
            raise InvalidParameter("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
        with _among_attributes():
            value = words.subscription_changed({kind: target}, given, self._place.queue)
        async with self._turns.of(name):
            for one in self._topics.subscribers(name):
                if (one.settings.kind, one.settings.target) == (kind, target):
                    if words.subscription_changed(now := words.subscription_value(one.settings), given, self._place.queue) != now:
                        raise InvalidParameter("Attributes Reason: Subscription already exists with different attributes")
                    return {"SubscriptionArn": one.arn}
            topic = words.topic_value(self._topics.topics[self._own(name)])
            if name.endswith(FIFO_SUFFIX) and len(self._topics.subscribers(name)) >= FIFO_SUBSCRIPTIONS:
                raise SubscriptionLimitExceeded(FIFO_SUBSCRIPTIONS)
            fresh = names.request_id()
            await self._declare(name, {**topic, "subscriptions": {**topic.get("subscriptions", {}), fresh: value}})
        return {"SubscriptionArn": f"{self._place.arn(name)}:{fresh}"}

    async def unsubscribe(self, call: Call) -> Members:
        """Unsubscribe; a subscription that is not there is gone already."""

        def without(value: Value) -> Value:
            return {**value, "subscriptions": {key: each for key, each in value["subscriptions"].items() if key != one.settings.name}}

        with suppress(NotFound):
            one = self._subscriber(call)
            self._check_declared(one)
            await self._change(one.topic, without)
        return {}

    async def subscriptions(self, call: Call) -> Members:
        """ListSubscriptions."""
        return self._listed(self._topics.subscribers(), call)

    async def subscriptions_of(self, call: Call) -> Members:
        """ListSubscriptionsByTopic."""
        return self._listed(self._topics.subscribers(self._known(call)), call)

    def _listed(self, found: Sequence[Subscriber], call: Call) -> Members:
        by_arn = {one.arn: one for one in found}
        page, token = _page(sorted(by_arn), call.parameters)
        return {"Subscriptions": [self._told(by_arn[arn]) for arn in page], **token}

    def _told(self, one: Subscriber) -> dict[str, str]:
        function = one.settings.kind == "function"
        return {
            "SubscriptionArn": one.arn,
            "Owner": self._place.account,
            "Protocol": "lambda" if function else "sqs",
            "Endpoint": (names.function_arn(self._place.region, self._place.account, one.settings.target) if function else self._place.queue_arn(one.settings.target)),
            "TopicArn": self._place.arn(one.topic),
        }  # fmt: skip

    async def subscription(self, call: Call) -> Members:
        """GetSubscriptionAttributes."""
        one = self._subscriber(call)
        made = {**self._told(one), "ConfirmationWasAuthenticated": "true", "PendingConfirmation": "false"}
        return {"Attributes": made | words.subscription_shown(one.settings, self._place.queue_arn)}

    async def set_subscription(self, call: Call) -> Members:
        """SetSubscriptionAttributes: one at a time."""
        one, members = self._subscriber(call), call.parameters
        given = {text(members, "AttributeName"): text(members, "AttributeValue", "")}

        def changed(value: Value) -> Value:
            now = words.subscription_changed(value["subscriptions"][one.settings.name], given, self._place.queue)
            return {**value, "subscriptions": {**value["subscriptions"], one.settings.name: now}}

        self._check_declared(one)
        await self._change(one.topic, changed)
        return {}

    # -- tags and permissions

    async def tags(self, call: Call) -> Members:
        """ListTagsForResource."""
        return {"Tags": [{"Key": key, "Value": value} for key, value in self._topics.topics[self._resource(call)].tags.items()]}

    async def tag(self, call: Call) -> Members:
        """TagResource."""
        given = tags(call.parameters)
        await self._change(self._resource(call), lambda value: {**value, "tags": _within({**value.get("tags", {}), **given})})
        return {}

    async def untag(self, call: Call) -> Members:
        """UntagResource."""
        gone = set(texts(call.parameters, "TagKeys"))

        def without(value: Value) -> Value:
            return {**value, "tags": {key: one for key, one in value.get("tags", {}).items() if key not in gone}}

        await self._change(self._resource(call), without)
        return {}

    async def permit(self, call: Call) -> Members:
        """AddPermission."""
        name, members = self._known(call), call.parameters
        granted = Permission(text(members, "Label"), texts(members, "AWSAccountId"), texts(members, "ActionName"), self._place.arn(name))
        await self._change(name, lambda value: policies.permitted(value, granted, self._place.account, service="SNS", known=_PERMITTED))
        return {}

    async def forbid(self, call: Call) -> Members:
        """RemovePermission."""
        name, label = self._known(call), text(call.parameters, "Label")
        await self._change(name, lambda value: policies.forbidden(value, label))
        return {}

    # -- what is there, and declaring

    def _known(self, call: Call) -> str:
        name = self._place.topic(text(call.parameters, "TopicArn"))
        if name not in self._topics.topics:
            raise NotFound
        return name

    def _resource(self, call: Call) -> str:
        name = self._place.topic(text(call.parameters, "ResourceArn"), "ResourceArn")
        if name not in self._topics.topics:
            raise ResourceNotFound
        return name

    def _subscriber(self, call: Call) -> Subscriber:
        arn = text(call.parameters, "SubscriptionArn")
        topic = self._place.topic(self._place.topic_of(arn))
        found = next((one for one in self._topics.subscribers(topic) if one.arn == arn), None)
        if found is None:
            raise NotFound("Subscription")
        return found

    def _own(self, name: str) -> str:
        if self._declared.owner(KIND, name) == "config":
            raise Refused(f"The topic {name} is declared in config.yaml; change it there.")
        return name

    @staticmethod
    def _check_declared(one: Subscriber) -> None:
        if not one.declared:
            raise Refused(f"The subscription is a trigger of function {one.settings.target}; change it there.")

    async def _change(self, name: str, change: Callable[[Value], Value]) -> None:
        async with self._turns.of(name):
            if name not in self._topics.topics:
                raise NotFound
            try:
                value = change(words.topic_value(self._topics.topics[self._own(name)]))
            except QueueError as error:
                raise InvalidParameter(str(error)) from error
            except KeyError:
                raise NotFound("Subscription") from None
            await self._declare(name, value)

    async def _declare(self, name: str, value: Value) -> None:
        try:
            await self._declared.put(KIND, name, value)
        except (InvalidDeclaration, ConfigError) as error:
            raise InvalidParameter(str(error)) from error

    def _changed(self, name: str, value: Value, given: dict[str, str]) -> Value:
        def policy(document: str) -> Any:
            try:
                return policies.document_of(document, self._place.account)
            except QueueError as error:
                raise InvalidParameter(f"Policy Error: {error}") from error

        return words.topic_changed(value, given, fifo=name.endswith(".fifo"), policy=policy)


@contextmanager
def _among_attributes() -> Iterator[None]:
    """What is wrong with one of several attributes is told as theirs."""
    try:
        yield
    except InvalidParameter as error:
        raise InvalidParameter(f"Attributes Reason: {error.what}") from None


def _page(found: Sequence[str], members: Members) -> tuple[Sequence[str], dict[str, str]]:
    """One page of what is sorted; a token is the last of the page before."""
    after = text(members, "NextToken", "")
    rest = [one for one in found if one > after]
    return rest[:PAGE], ({"NextToken": rest[PAGE - 1]} if len(rest) > PAGE else {})


def _within(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > TAGS:
        raise InvalidParameter(f"Tags Reason: a topic has {TAGS} tags at most")
    return tags
