"""What a rule or a schedule leaves in its target's dead-letter queue: the event as it was to be handed over, and why it was not.

Pure. Sources: EventBridge user guide, "Using dead-letter queues to process undelivered events"; EventBridge Scheduler user guide,
"Configuring a dead-letter queue"; API references, RetryPolicy."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from router import names
from router.events.sqs import Attribute

NO_RESOURCE: Final = "NO_RESOURCE"
NO_PERMISSIONS: Final = "NO_PERMISSIONS"
REFUSED: Final = "ERROR_FROM_TARGET"
HOP: Final = "THIRD_ACCOUNT_HOP_DETECTED"  # an event of another bus was to be sent on to a third
INTERNAL: Final = "UNKNOWN"

ATTEMPTS: Final = 185  # tries after the first, at most and where nothing else is said
OLDEST: Final = 86_400  # seconds that an event is tried for, at most and where nothing else is said
YOUNGEST: Final = 60
ERROR_TEXT: Final = 1024  # characters

_UNFIT: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # no text for a message attribute


class Failure(NamedTuple):
    """Why an event was not handed over."""

    code: str  # one of the above
    message: str
    tries: int = 0  # after the first
    exhausted: str = ""  # MaximumRetryAttempts or MaximumEventAgeInSeconds; "": another try would have been no use


def exhausted(*, tries: int, age: float, attempts: int, oldest: float) -> str:
    """Which bound has been reached after *tries* retries and *age* seconds; "" when another try is due."""
    if tries >= attempts:
        return "MaximumRetryAttempts"
    return "MaximumEventAgeInSeconds" if age >= oldest else ""


def attributes(failure: Failure, *, arn: str, target: str, scheduled: float | None = None) -> Mapping[str, Attribute]:
    """The message's attributes. *arn*: of the rule or schedule; *scheduled*: a schedule's planned time, epoch seconds; None: of a rule."""
    told = {
        "RULE_ARN" if scheduled is None else "SCHEDULE_ARN": arn,
        "TARGET_ARN": target,
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": _UNFIT.sub("?", failure.message)[:ERROR_TEXT] or failure.code,
    }
    if failure.exhausted:
        told["EXHAUSTED_RETRY_CONDITION"] = failure.exhausted
    if scheduled is not None:
        told["SCHEDULED_TIME"] = names.iso_s(scheduled)
    texts = {name: Attribute("String", text) for name, text in told.items()}
    return texts | {"RETRY_ATTEMPTS": Attribute("Number", str(failure.tries))}
