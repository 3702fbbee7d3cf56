"""Amazon SQS, API version 2012-11-05, over the daemon's queues (router/queues/store.py).

Both of its protocols: JSON comes from the model that botocore has, the older query protocol from query.py."""

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar

from router.api.aws.declaring import Declared
from router.api.aws.service import Call, Members, Need, Operation
from router.api.aws.sqs.attempts import Attempts
from router.api.aws.sqs.managing import Managing
from router.api.aws.sqs.messages import Messages
from router.api.aws.sqs.moving import Moving
from router.api.aws.sqs.place import Place, text
from router.api.aws.sqs.policies import policy_of
from router.clock import Clock
from router.iam.policy import Policy
from router.queues.moves import Moves
from router.queues.store import Queues

Run = Callable[[Call], Awaitable[Members]]


class Sqs:
    """Queues and their messages."""

    name: ClassVar[str] = "sqs"

    def __init__(self, queues: Queues, moves: Moves, declared: Declared, clock: Clock, *, region: str, account: str) -> None:
        self._queues, self._place = queues, Place(region, account)
        messages = Messages(queues, Attempts(queues, clock), self._place)
        managing = Managing(queues, declared, self._place)
        moving = Moving(queues, moves, self._place)
        self._operations: dict[str, Operation] = {
            "SendMessage": self._on_queue("SendMessage", messages.send),
            "SendMessageBatch": self._on_queue("SendMessage", messages.send_batch),
            "ReceiveMessage": self._on_queue("ReceiveMessage", messages.receive),
            "DeleteMessage": self._on_queue("DeleteMessage", messages.delete),
            "DeleteMessageBatch": self._on_queue("DeleteMessage", messages.delete_batch),
            "ChangeMessageVisibility": self._on_queue("ChangeMessageVisibility", messages.change),
            "ChangeMessageVisibilityBatch": self._on_queue("ChangeMessageVisibility", messages.change_batch),
            "PurgeQueue": self._on_queue("PurgeQueue", self._purge),
            "CreateQueue": Operation(managing.create, self._named("sqs:CreateQueue", tags="sqs:TagQueue")),
            "DeleteQueue": self._on_queue("DeleteQueue", managing.delete),
            "GetQueueUrl": Operation(managing.url, self._named("sqs:GetQueueUrl")),
            "ListQueues": Operation(managing.list, lambda _: [Need("sqs:ListQueues", "*")]),
            "ListDeadLetterSourceQueues": self._on_queue("ListDeadLetterSourceQueues", managing.sources),
            "GetQueueAttributes": self._on_queue("GetQueueAttributes", managing.attributes),
            "SetQueueAttributes": self._on_queue("SetQueueAttributes", managing.set),
            "ListQueueTags": self._on_queue("ListQueueTags", managing.tags),
            "TagQueue": self._on_queue("TagQueue", managing.tag),
            "UntagQueue": self._on_queue("UntagQueue", managing.untag),
            "AddPermission": self._on_queue("AddPermission", managing.permit),
            "RemovePermission": self._on_queue("RemovePermission", managing.forbid),
            "StartMessageMoveTask": Operation(moving.start, moving.start_needs),
            "CancelMessageMoveTask": Operation(moving.cancel, moving.cancel_needs),
            "ListMessageMoveTasks": Operation(
                moving.list, lambda call: [Need("sqs:ListMessageMoveTasks", text(call.parameters, "SourceArn"))]
            ),
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        """See Service."""
        return self._operations

    def policy(self, resource: str) -> Policy | None:
        """A queue's own."""
        place = self._place.arn("")
        queue = self._queues.settings.get(resource.removeprefix(place)) if resource.startswith(place) else None
        return policy_of(f"queue {queue.name}", queue.policy) if queue is not None and queue.policy else None

    async def _purge(self, call: Call) -> Members:
        """PurgeQueue."""
        name = self._place.queue(call.parameters)
        self._queues.of(name)
        await self._queues.purge(name)
        return {}

    def _on_queue(self, action: str, run: Run) -> Operation:
        return Operation(run, lambda call: [Need(f"sqs:{action}", self._place.arn(self._place.queue(call.parameters)))])

    def _named(self, action: str, *, tags: str = "") -> Callable[[Call], list[Need]]:
        """Needs of an operation that is given a name instead of a URL; *tags*: the action for the tags that come with it."""

        def needs(call: Call) -> list[Need]:
            arn = self._place.arn(text(call.parameters, "QueueName"))
            return [Need(action, arn)] + ([Need(tags, arn)] if tags and call.parameters.get("tags") else [])

        return needs
