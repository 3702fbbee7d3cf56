"""What we raise on purpose. A class fixes the AWS code and the HTTP status of its answer.

A failing handler is no exception: it is an Outcome with a function_error (router/model.py).
Codes and statuses: AWS Lambda API reference, "Invoke", section Errors."""

from typing import ClassVar


class RouterError(Exception):
    """Base of all we raise on purpose."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "ServiceException"


class FunctionNotFound(RouterError):
    """No function, version or alias under this ARN."""

    status, code = 404, "ResourceNotFoundException"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Function not found: {arn}")
        self.arn = arn


class EventNotFound(RouterError):
    """No event under this id, or retention has removed it."""

    status, code = 404, "ResourceNotFoundException"

    def __init__(self, event_id: str) -> None:
        super().__init__(f"Event not found: {event_id}")
        self.event_id = event_id


class InvalidParameter(RouterError):
    """A request that names something we cannot do; the text says what would be right."""

    status, code = 400, "InvalidParameterValueException"


class InvalidRequestContent(RouterError):
    """A payload that is not JSON."""

    status, code = 400, "InvalidRequestContentException"


class RequestTooLarge(RouterError):
    """A payload over the limit of its invocation type."""

    status, code = 413, "RequestTooLargeException"

    def __init__(self, limit: int) -> None:
        super().__init__(f"Request must be smaller than {limit} bytes for the InvokeFunction operation")
        self.limit = limit


class TooManyRequests(RouterError):
    """Throttled: no slot. *reason* is one of Lambda's, e.g. ConcurrentInvocationLimitExceeded."""

    status, code = 429, "TooManyRequestsException"

    def __init__(self, reason: str) -> None:
        super().__init__("Rate Exceeded.")
        self.reason = reason


class RecursiveInvocation(RouterError):
    """A chain of events has come back to the function too often; it is stopped."""

    status, code = 400, "RecursiveInvocationException"

    def __init__(self, function: str) -> None:
        super().__init__(
            f"{function} is invoked in a recursive loop with other resources, and this chain of invocations was stopped after 16 of it"
        )


class ShuttingDown(RouterError):
    """The daemon drains and takes nothing new; try again after its restart."""

    status, code = 503, "ServiceUnavailableException"


class StreamBroken(RouterError):
    """A streamed answer ended in the middle: the function failed, ran into its timeout or its limit, or was cut short by us.

    *error_type* and *payload* are those of the outcome: errorType and the error object."""

    def __init__(self, error_type: str, payload: bytes = b"") -> None:
        super().__init__(f"the streamed answer broke off: {error_type}")
        self.error_type, self.payload = error_type, payload


class EnvironmentUnavailable(RouterError):
    """No execution environment could be started (out of processes, memory, descriptors).

    A fault of the machine, not of the function: the event stays queued and no attempt is spent."""

    status, code = 503, "ServiceUnavailableException"


class SpawnerDied(EnvironmentUnavailable):
    """The process that all execution environments of a kind descend from died under an invocation, and took it with it."""

    def __init__(self) -> None:
        super().__init__("the spawner died and took the execution environment with it")


class CannotStart(RouterError):
    """The machine does not give what a daemon needs before it serves; the text says what and where."""


class JournalError(RouterError):
    """The journal could not do this: nothing was accepted, nothing was recorded."""

    status, code = 503, "ServiceUnavailableException"


class StoreFull(JournalError):
    """There is no space to record it in. The store works, and goes on by itself when there is."""


class LeaseLost(JournalError):
    """The delivery is no longer held under this attempt number; its outcome was not recorded."""


class BackupError(RouterError):
    """A backup that cannot be taken, is none, is damaged, or cannot be put back; nothing was changed."""


class SourceError(RouterError):
    """A source that cannot go on now; the daemon restarts it with back-off."""


class CodeRefused(RouterError):
    """Code or a layer that is not taken; the text says why."""

    status, code = 400, "InvalidParameterValueException"


class StateLocked(RouterError):
    """Another daemon holds the state directory."""


class ConfigError(RouterError):
    """config.yaml as it stands cannot be served; *problems* are all of its mistakes, one line each."""

    status, code = 400, "InvalidParameterValueException"

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
