"""What SQS answers to what it refuses: one class an error, with the code of each of its two protocols.

Source: Amazon SQS API reference, sections "Errors" of its actions, and botocore's model of the service."""

from typing import ClassVar

from router.errors import RouterError


class QueueError(RouterError):
    """Base of them; *query_code* is the code in the older query protocol, which clients of the JSON protocol see too."""

    status, code = 400, "InvalidParameterValue"
    query_code: ClassVar[str] = "InvalidParameterValue"


class InvalidParameterValue(QueueError):
    """A parameter that is out of range or of the wrong form."""


class MissingParameter(QueueError):
    """A parameter that this kind of queue needs."""

    code = query_code = "MissingParameter"


class QueueDoesNotExist(QueueError):
    """The config has no queue of this name."""

    code, query_code = "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"

    def __init__(self, name: str) -> None:
        super().__init__("The specified queue does not exist.")
        self.name = name


class InvalidMessageContents(QueueError):
    """A body with characters outside the set that SQS allows."""

    code = query_code = "InvalidMessageContents"


class ReceiptHandleIsInvalid(QueueError):
    """Text that is no receipt handle, or one of another queue."""

    code = query_code = "ReceiptHandleIsInvalid"

    def __init__(self, handle: str) -> None:
        super().__init__(f'The input receipt handle "{handle[:200]}" is not a valid receipt handle.')


class MessageNotInflight(QueueError):
    """A message of a FIFO queue that nobody holds under this handle: it is visible, or somebody received it since."""

    code, query_code = "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"

    def __init__(self) -> None:
        super().__init__("The message referred to isn't in flight.")


class OverLimit(QueueError):
    """Too many messages of the queue are in flight."""

    status, code, query_code = 403, "OverLimit", "OverLimit"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The maximum number of in flight messages is reached: {limit}")


class PurgeQueueInProgress(QueueError):
    """The queue was purged less than a minute ago."""

    status, code, query_code = 403, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress"

    def __init__(self, name: str) -> None:
        super().__init__(f"Only one PurgeQueue operation on {name} is allowed every 60 seconds.")


class EmptyBatchRequest(QueueError):
    """A batch without entries."""

    code, query_code = "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"

    def __init__(self) -> None:
        super().__init__("There should be at least one entry in the request.")


class TooManyEntriesInBatchRequest(QueueError):
    """A batch of more than ten entries."""

    code, query_code = "TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"

    def __init__(self, count: int) -> None:
        super().__init__(f"Maximum number of entries per request are 10. You have sent {count}.")


class InvalidBatchEntryId(QueueError):
    """An entry's id that is none."""

    code, query_code = "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"

    def __init__(self) -> None:
        super().__init__(
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
        )


class BatchEntryIdsNotDistinct(QueueError):
    """Two entries with one id."""

    code, query_code = "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"

    def __init__(self, entry: str) -> None:
        super().__init__(f"Id {entry} repeated.")


class BatchRequestTooLong(QueueError):
    """A batch that is over a message's largest size in all."""

    code, query_code = "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"

    def __init__(self, limit: int, size: int) -> None:
        super().__init__(f"Batch requests cannot be longer than {limit} bytes. You have sent {size} bytes.")


class ResourceNotFoundException(QueueError):
    """A move task that is not there."""

    status, code, query_code = 404, "ResourceNotFoundException", "ResourceNotFoundException"


class InvalidAttributeName(QueueError):
    """An attribute that queues do not have."""

    code = query_code = "InvalidAttributeName"

    def __init__(self, name: str) -> None:
        super().__init__(f"Unknown Attribute {name[:200]}.")


class InvalidAttributeValue(QueueError):
    """An attribute's value that no queue can have."""

    code = query_code = "InvalidAttributeValue"

    def __init__(self, name: str, reason: str = "") -> None:
        super().__init__(f"Invalid value for the parameter {name}." + (f" Reason: {reason}" if reason else ""))


class QueueNameExists(QueueError):
    """A queue of this name is there and is not like the one asked for."""

    code, query_code = "QueueNameExists", "QueueAlreadyExists"

    def __init__(self, attribute: str) -> None:
        super().__init__(f"A queue already exists with the same name and a different value for attribute {attribute}")


class InvalidAddress(QueueError):
    """Text that is no queue URL."""

    code, query_code = "InvalidAddress", "InvalidAddress"

    def __init__(self, url: str) -> None:
        super().__init__(f"The address {url[:300]} is not valid for this endpoint.")


class UnsupportedOperation(QueueError):
    """What this queue cannot do."""

    code, query_code = "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"
