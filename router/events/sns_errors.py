"""What SNS answers to what it refuses. Codes and texts: Amazon SNS API reference, sections "Errors" of its actions."""

from router.errors import RouterError


class TopicError(RouterError):
    """Base of them."""

    status, code = 400, "InvalidParameter"


class InvalidParameter(TopicError):
    """A parameter that is out of range or of the wrong form; *what* is the parameter, and why."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Invalid parameter: {what}")
        self.what = what


class ParameterValueInvalid(TopicError):
    """A message attribute that is none."""

    code = "ParameterValueInvalid"


class NotFound(TopicError):
    """No topic or subscription under this ARN."""

    status, code = 404, "NotFound"

    def __init__(self, what: str = "Topic") -> None:
        super().__init__(f"{what} does not exist")


class ResourceNotFound(TopicError):
    """The same, where tags are asked for."""

    status, code = 404, "ResourceNotFound"

    def __init__(self) -> None:
        super().__init__("Resource does not exist")


class Refused(TopicError):
    """What only AWS has, or only config.yaml may change; the text says so."""

    status, code = 403, "AuthorizationError"


class SubscriptionLimitExceeded(TopicError):
    """A topic has as many subscriptions as it can."""

    status, code = 403, "SubscriptionLimitExceeded"

    def __init__(self, most: int) -> None:
        super().__init__(f"A FIFO topic has {most} subscriptions at most")


class EmptyBatchRequest(TopicError):
    """A batch without entries."""

    code = "EmptyBatchRequest"

    def __init__(self) -> None:
        super().__init__("The batch request doesn't contain any entries.")


class TooManyEntriesInBatchRequest(TopicError):
    """A batch of more than ten entries."""

    code = "TooManyEntriesInBatchRequest"

    def __init__(self) -> None:
        super().__init__("The batch request contains more entries than permissible.")


class InvalidBatchEntryId(TopicError):
    """An entry's id that is none."""

    code = "InvalidBatchEntryId"

    def __init__(self) -> None:
        super().__init__("The Id of a batch entry in a batch request doesn't abide by the specification.")


class BatchEntryIdsNotDistinct(TopicError):
    """Two entries with one id."""

    code = "BatchEntryIdsNotDistinct"

    def __init__(self) -> None:
        super().__init__("Two or more batch entries in the request have the same Id.")


class BatchRequestTooLong(TopicError):
    """A batch that is over a message's largest size in all."""

    code = "BatchRequestTooLong"

    def __init__(self) -> None:
        super().__init__("The length of all the messages put together is more than the limit.")
