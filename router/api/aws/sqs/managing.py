"""SQS's operations on queues themselves. What is made or changed here is declared (router/api/declared.py): durable, and in force on return."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from router.api.aws.declaring import Declared, Unit
from router.api.aws.service import Call, Members
from router.api.aws.sqs import policies
from router.api.aws.sqs.place import Place, mapping, number, text, texts
from router.api.aws.sqs.policies import Permission
from router.api.turns import Turns
from router.config.queues import TAGS
from router.errors import ConfigError, InvalidParameter
from router.events.sqs_errors import (
    InvalidAttributeName,
    InvalidParameterValue,
    QueueDoesNotExist,
    QueueNameExists,
    UnsupportedOperation,
)
from router.queues import attributes
from router.queues.attributes import Value
from router.queues.store import Queues

KIND: Final = "queues"
PAGE: Final = 1000  # queues of one answer


class Managing:
    """What is done with queues."""

    def __init__(self, queues: Queues, declared: Declared, place: Place) -> None:
        self._queues, self._declared, self._place = queues, declared, place
        self._turns = Turns()  # changes of one queue are read, made and declared one after another

    # -- there or not

    async def create(self, call: Call) -> Members:
        """CreateQueue: an empty one; of one that is there and alike, its URL."""
        name, given = text(call.parameters, "QueueName"), mapping(call.parameters, "Attributes")
        fifo = _truthy(given.get("FifoQueue"))
        if fifo != name.endswith(".fifo"):
            raise InvalidParameterValue("The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")  # fmt: skip
        value = self._changed(name, {}, given)
        if tags := mapping(call.parameters, "tags"):
            value["tags"] = tags
        async with self._turns.of(name):
            there = self._queues.settings.get(name)
            if there is None:
                await self._queues.drop(name)  # what a call that was cut short has left; before the turn of reloads, for which others wait
                await self._declare(name, value, self._queues.deleting(name))  # one that config.yaml had is another queue
                await self._queues.drop(name)
                await self._queues.enrol(name)
            elif unlike := attributes.different(there, value, given):
                raise QueueNameExists(unlike)
        return {"QueueUrl": self._place.url(call, name)}

    async def delete(self, call: Call) -> Members:
        """DeleteQueue: with all its messages."""
        name = self._own(call)
        async with self._turns.of(name):
            try:
                await self._declared.remove(KIND, name, beside=(self._queues.deleting(name),))
            except (InvalidParameter, ConfigError) as error:
                raise UnsupportedOperation(f"The queue {name} is still needed: {error}") from error
            await self._queues.drop(name)
        return {}

    async def url(self, call: Call) -> Members:
        """GetQueueUrl."""
        name, owner = text(call.parameters, "QueueName"), text(call.parameters, "QueueOwnerAWSAccountId", self._place.account)
        if owner != self._place.account:
            raise QueueDoesNotExist(name)
        self._queues.of(name)
        return {"QueueUrl": self._place.url(call, name)}

    async def list(self, call: Call) -> Members:
        """ListQueues."""
        prefix = text(call.parameters, "QueueNamePrefix", "")
        return self._page(call, [name for name in self._queues.settings if name.startswith(prefix)], "QueueUrls")

    async def sources(self, call: Call) -> Members:
        """ListDeadLetterSourceQueues."""
        name = self._place.queue(call.parameters)
        self._queues.of(name)
        return {"queueUrls": [], **self._page(call, self._queues.sources_of(name), "queueUrls")}

    def _page(self, call: Call, found: Sequence[str], key: str) -> Members:
        """One page of URLs, by name; a token is the last name of the page before. Without MaxResults there is one page of PAGE."""
        limit, after = number(call.parameters, "MaxResults"), text(call.parameters, "NextToken", "")
        if limit is not None and not 1 <= limit <= PAGE:
            raise InvalidParameterValue(
                f"Value {limit} for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and {PAGE}."
            )
        rest = [name for name in sorted(found) if name > after]
        page = rest[: limit or PAGE]
        made: dict[str, Any] = {key: [self._place.url(call, name) for name in page]} if page else {}
        return made | ({"NextToken": page[-1]} if limit and len(rest) > limit else {})

    # -- attributes

    async def attributes(self, call: Call) -> Members:
        """GetQueueAttributes."""
        name, wanted = self._place.queue(call.parameters), texts(call.parameters, "AttributeNames")
        queue = self._queues.of(name)
        for one in wanted:
            if one != "All" and one not in attributes.KNOWN:
                raise InvalidAttributeName(one)
        made = attributes.shown(queue, self._place.arn)
        if "All" in wanted or not made.keys() >= set(wanted):
            made |= await self._counted(name)
        chosen = {key: value for key, value in made.items() if "All" in wanted or key in wanted}
        return {"Attributes": chosen} if chosen else {}

    async def _counted(self, name: str) -> dict[str, str]:
        count = await self._queues.count(name)
        numbers = zip(attributes.COUNTS, (count.visible, count.in_flight, count.delayed), strict=True)
        kept = self._declared.get(KIND, name)
        times = {"CreatedTimestamp": count.made, "LastModifiedTimestamp": int(kept.changed) if kept is not None else count.made}
        return {key: str(value) for key, value in (*numbers, *times.items())}

    async def set(self, call: Call) -> Members:
        """SetQueueAttributes."""
        given = mapping(call.parameters, "Attributes")
        name = self._own(call)
        await self._change(name, lambda value: self._changed(name, value, given))
        return {}

    # -- tags

    async def tags(self, call: Call) -> Members:
        """ListQueueTags."""
        found = self._queues.of(self._place.queue(call.parameters)).tags
        return {"Tags": dict(found)} if found else {}

    async def tag(self, call: Call) -> Members:
        """TagQueue."""
        given = mapping(call.parameters, "Tags")
        await self._change(self._own(call), lambda value: {**value, "tags": _within({**value.get("tags", {}), **given})})
        return {}

    async def untag(self, call: Call) -> Members:
        """UntagQueue."""
        gone = set(texts(call.parameters, "TagKeys"))

        def without(value: Value) -> Value:
            return {**value, "tags": {key: one for key, one in value.get("tags", {}).items() if key not in gone}}

        await self._change(self._own(call), without)
        return {}

    # -- permissions

    async def permit(self, call: Call) -> Members:
        """AddPermission."""
        name, members = self._own(call), call.parameters
        granted = Permission(text(members, "Label"), texts(members, "AWSAccountIds"), texts(members, "Actions"), self._place.arn(name))
        await self._change(name, lambda value: policies.permitted(value, granted, self._place.account))
        return {}

    async def forbid(self, call: Call) -> Members:
        """RemovePermission."""
        name, label = self._own(call), text(call.parameters, "Label")
        await self._change(name, lambda value: policies.forbidden(value, label))
        return {}

    # -- declaring

    def _own(self, call: Call) -> str:
        """The queue's name, of one that may be changed here. Raises QueueDoesNotExist, UnsupportedOperation."""
        name = self._place.queue(call.parameters)
        self._queues.of(name)
        if self._declared.owner(KIND, name) == "config":
            raise UnsupportedOperation(f"The queue {name} is declared in config.yaml; change it there.")
        return name

    async def _change(self, name: str, change: Callable[[Value], Value]) -> None:
        async with self._turns.of(name):
            await self._declare(name, change(attributes.value_of(self._queues.of(name))))

    async def _declare(self, name: str, value: Value, *beside: Unit) -> None:
        target = value.get("redrive", {}).get("queue", name)
        if target != name and target not in self._queues.settings:
            told = json.dumps({"deadLetterTargetArn": self._place.arn(target), "maxReceiveCount": value["redrive"]["max_receive_count"]})
            raise InvalidParameterValue(f"Value {told} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.")
        try:
            await self._declared.put(KIND, name, value, beside=beside)
        except (InvalidParameter, ConfigError) as error:
            raise InvalidParameterValue(str(error)) from error

    def _changed(self, name: str, value: Value, given: Mapping[str, str]) -> Value:
        return attributes.changed(
            value,
            given,
            fifo=name.endswith(".fifo"),
            arn=self._place.arn(name),
            policy=lambda document: policies.document_of(document, self._place.account),
        )


def _truthy(text: str | None) -> bool:
    return text is not None and text.lower() == "true"


def _within(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > TAGS:
        raise InvalidParameterValue(f"Too many tags: a queue has {TAGS} at most.")
    return tags
