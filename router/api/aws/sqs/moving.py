"""SQS's operations on move tasks. A task's handle names its id and its source, as AWS's does."""

import json
from base64 import b64decode, b64encode
from typing import Any, Final

from router.api.aws.service import Call, Members, Need
from router.api.aws.sqs.place import Place, number, text
from router.events.sqs_errors import InvalidParameterValue, QueueDoesNotExist, ResourceNotFoundException
from router.queues.moves import RATE, Moves
from router.queues.store import Queues

LISTED: Final = 10  # tasks of one answer, at most


class Moving:
    """Redrives out of dead-letter queues."""

    def __init__(self, queues: Queues, moves: Moves, place: Place) -> None:
        self._queues, self._moves, self._place = queues, moves, place

    def start_needs(self, call: Call) -> list[Need]:
        """What StartMessageMoveTask needs: to take from the source, and to send where the messages go."""
        source, destination = text(call.parameters, "SourceArn"), text(call.parameters, "DestinationArn", "")
        taking = ("sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
        origins = [self._place.arn(name) for name in self._queues.sources_of(source.rpartition(":")[2])]
        return [Need(action, source) for action in taking] + [
            Need("sqs:SendMessage", arn) for arn in ([destination] if destination else origins)
        ]

    async def start(self, call: Call) -> Members:
        """StartMessageMoveTask."""
        members = call.parameters
        source, to = self._named(text(members, "SourceArn")), text(members, "DestinationArn", "")
        rate = number(members, "MaxNumberOfMessagesPerSecond")
        task = await self._moves.start(source, self._named(to, "DestinationArn") if to else "", rate=RATE if rate is None else rate)
        return {"TaskHandle": self._handle(task, source)}

    def cancel_needs(self, call: Call) -> list[Need]:
        """What CancelMessageMoveTask needs."""
        _, source = _opened(text(call.parameters, "TaskHandle"))
        return [Need("sqs:CancelMessageMoveTask", source)]

    async def cancel(self, call: Call) -> Members:
        """CancelMessageMoveTask."""
        task, source = _opened(text(call.parameters, "TaskHandle"))
        if not any(row["id"] == task for row in await self._moves.list(self._named(source))):
            raise ResourceNotFoundException("Task does not exist.")
        return {"ApproximateNumberOfMessagesMoved": await self._moves.cancel(task)}

    async def list(self, call: Call) -> Members:
        """ListMessageMoveTasks: newest first."""
        source, most = self._named(text(call.parameters, "SourceArn")), number(call.parameters, "MaxResults")
        if most is not None and not 1 <= most <= LISTED:
            raise InvalidParameterValue(
                f"Value for parameter MaxResults is invalid. Reason: You must set MaxResults to a value from 1 to {LISTED}."
            )
        rows = await self._moves.list(source)
        return {"Results": [self._told(row) for row in rows[: 1 if most is None else most]]} if rows else {}

    def _named(self, arn: str, parameter: str = "SourceArn") -> str:
        name = self._place.named(arn)
        if name not in self._queues.settings:
            raise ResourceNotFoundException(f"The resource that you specified for the {parameter} parameter doesn't exist.")
        return name

    def _told(self, row: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {
            "Status": row["state"],
            "SourceArn": self._place.arn(row["source"]),
            "ApproximateNumberOfMessagesMoved": row["moved"],
            "ApproximateNumberOfMessagesToMove": row["wanted"],
            "StartedTimestamp": row["started"],
        }
        if row["rate"] != RATE:  # what it is without the parameter
            made["MaxNumberOfMessagesPerSecond"] = row["rate"]
        if row["state"] == "RUNNING":
            made["TaskHandle"] = self._handle(row["id"], row["source"])
        if row["destination"]:
            made["DestinationArn"] = self._place.arn(row["destination"])
        return made | ({"FailureReason": QueueDoesNotExist.query_code} if row["failure"] else {})  # there is no other failure

    def _handle(self, task: str, source: str) -> str:
        return b64encode(json.dumps({"taskId": task, "sourceArn": self._place.arn(source)}).encode()).decode()


def _opened(handle: str) -> tuple[str, str]:
    """A task's id and its source's ARN. Raises InvalidParameterValue."""
    try:
        found = json.loads(b64decode(handle.encode("ascii"), validate=True))
        task, source = found["taskId"], found["sourceArn"]
    except (ValueError, KeyError, TypeError, RecursionError):
        task = source = None
    if not isinstance(task, str) or not isinstance(source, str):
        raise InvalidParameterValue("Value for parameter TaskHandle is invalid.")
    return task, source
