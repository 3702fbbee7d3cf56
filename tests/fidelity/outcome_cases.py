"""What destinations and dead-letter queues are sent."""

import json
from collections.abc import Mapping
from typing import Any, Final

from router.events import sns
from router.events.destinations import Invocation, Stretch, dead_letter_attributes, invocation_record, stream_record
from tests.fidelity.case import Case
from tests.fidelity.views import parsed_envelope

FUNCTION: Final = "arn:aws:lambda:us-east-1:111111111111:function:function-1"
REQUEST: Final = "95df01b4-ee98-4cb9-9903-4c221d41eb5e"
AT: Final = 1657720081.0  # 2022-07-13T13:48:01Z
NO_LIMIT: Final = 2**63
ENDPOINT: Final = "https://sns.us-east-1.amazonaws.com"
SIGNED: Final = sns.Signed("tcc6faL2yUC6dgZdmrwh1Y4cGa==", f"{ENDPOINT}/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed6.pem")
ERROR: Final = "Test exception (this is intentional)"
RAISED: Final = {
    "errorMessage": ERROR,
    "errorType": "Exception",
    "requestId": REQUEST,
    "stackTrace": [f'  File "/var/task/handler.py", line 55, in handler\n    raise Exception("{ERROR}")\n'],
}
RETURNED: Final = {
    "event": {},
    "context": {
        "invoked_function_arn": FUNCTION,
        "function_version": "$LATEST",
        "function_name": "function-1",
        "memory_limit_in_mb": "128",
        "aws_request_id": REQUEST,
        "log_group_name": "/aws/lambda/function-1",
        "log_stream_name": "2022/07/13/[$LATEST]21be56eda58b49f5a122d0a252892305",
        "client_context": None,
    },
}


def _invocation(condition: str, invokes: int, request: Mapping[str, Any], response: Mapping[str, Any], *, failed: bool) -> Invocation:
    arn = f"{FUNCTION}:$LATEST"
    payloads = json.dumps(request).encode(), json.dumps(response).encode()
    return Invocation(REQUEST, arn, "$LATEST", condition, invokes, *payloads, failed=failed)


FAILURE: Final = _invocation("RetriesExhausted", 3, {"raise_error": 1}, RAISED, failed=True)


def _success() -> Any:
    return json.loads(invocation_record(_invocation("Success", 1, {}, RETURNED, failed=False), at=AT, limit=NO_LIMIT))


def _failure() -> Any:
    return json.loads(invocation_record(FAILURE, at=AT, limit=NO_LIMIT))


def _published(name: str, message: Any, attributes: Mapping[str, sns.Attribute]) -> Any:
    """As a queue has it that subscribes to a topic."""
    topic = f"arn:aws:sns:us-east-1:111111111111:{name}"
    notification = sns.Notification("21be56ed-a58b-49f5-a122-d0a252892305", topic, json.dumps(message), AT, attributes=attributes)
    return json.loads(sns.body(notification, subscription_arn=f"{topic}:subscription-1", signed=SIGNED, endpoint=ENDPOINT))


def _batch() -> Any:
    arn = "arn:aws:dynamodb:us-east-1:111111111111:table/table-1/stream/2022-07-13T13-48-01.000"
    stretch = Stretch("shardId-00000001657720081234-0a252892", "100000000000000000001", "100000000000000000001", AT, AT, 1, arn)
    condition = "RetryAttemptsExhausted"
    record = stream_record(stretch, request_id=REQUEST, arn=FUNCTION, condition=condition, invokes=2, function_error="Unhandled", at=AT)
    return _published("topic-1", record, {})


def _dead_letter() -> Any:
    """A notification that a function failed on, in the topic that is its dead-letter queue."""
    topic = "arn:aws:sns:us-east-1:111111111111:topic-1"
    notification = sns.Notification(REQUEST, topic, '{"raise_error": 1}', AT)
    event = sns.event(notification, subscription_arn=f"{topic}:subscription-2", signed=SIGNED, endpoint=ENDPOINT)
    return _published("topic-2", event, sns.attributes_of(dead_letter_attributes(FAILURE)))


CASES = [
    Case("Destinations", "destinations_template_async_success", _success),
    Case("Destinations", "destinations_template_async_retries_exhausted", _failure),
    Case("Destinations", "dynamodb_streams_template_on_failure_destination", _batch, view=parsed_envelope),
    Case("Dead letters", "sns_template_lambda_dlq", _dead_letter, ("Messages", 0, "Body"), view=parsed_envelope),
]
