"""Whether a function's role may do what is asked of Lambda on its behalf: poll a source, send to a destination, write a log. Pure.

Source: Lambda developer guide, "Execution role permissions" of event source mappings, destinations and dead-letter queues. Without this a
caller who may make mappings could have a function read a queue that neither of them may. The queue's own policy is asked too. What config.yaml says is its operator's word."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from router.api.aws.lambda_.place import Place, invalid
from router.api.aws.sqs.policies import policy_of
from router.config.types import Config
from router.events import arns
from router.iam import reading
from router.iam.evaluation import Policies, Request, evaluate
from router.iam.policy import Policy
from router.iam.principals import role_session
from router.names import log_group

_POLL: Final = {
    "queue": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "table": ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
}
_SEND: Final = {
    "queue": "sqs:SendMessage",
    "function": "lambda:InvokeFunction",
    "bus": "events:PutEvents",
    "bucket": "s3:PutObject",
    "topic": "sns:Publish",
}
_SERVICES: Final = {
    "sqs": "SQS",
    "sns": "SNS",
    "lambda": "Lambda",
    "events": "EventBridge",
    "s3": "S3",
    "dynamodb": "DynamoDB",
    "logs": "CloudWatch Logs",
}


def may_poll(config: Config, place: Place, function: str, role: str, source: tuple[str, str]) -> None:
    """Raise AwsError when the role may not read from a *source*: its kind and its ARN."""
    kind, arn = source
    _require(config, place, (function, role), _POLL[kind], arn, resource=_policy(config, kind, arn.rpartition(":")[2]))


def may_send(config: Config, place: Place, function: str, role: str, settings: dict[str, Any]) -> None:
    """Raise AwsError when the role may not send to what *settings* name as destinations: {"on_failure": {"queue": "done"}}."""
    for key in ("on_success", "on_failure", "dead_letter"):
        for kind, name in (settings.get(key) or {}).items():
            arn = arns.spelled(kind, name, region=place.region, account=place.account)
            _require(
                config,
                place,
                (function, role),
                (_SEND[kind],),
                f"{arn}/*" if kind == "bucket" else arn,
                resource=_policy(config, kind, name),
            )


def may_log(config: Config, place: Place, function: str, role: str, settings: Mapping[str, Any]) -> None:
    """Raise AwsError when the role may not write to the log group that *settings* name. A function's own is its own."""
    group = settings.get("log_group") or log_group(function)
    if group != log_group(function):
        arn = f"arn:aws:logs:{place.region}:{place.account}:log-group:{group}:log-stream:*"
        _require(config, place, (function, role), ("logs:CreateLogStream", "logs:PutLogEvents"), arn, resource=None)


def _policy(config: Config, kind: str, name: str) -> Policy | None:
    """That of a queue, a topic or a bus itself, which may let the role in, or not."""
    things: Mapping[str, Any] = {"queue": config.queues, "topic": config.topics, "bus": config.buses}.get(kind, {})
    written = things[name].policy if name in things else ""
    return policy_of(f"{kind} {name}", written) if written else None


def _require(config: Config, place: Place, who: tuple[str, str], actions: Sequence[str], arn: str, *, resource: Policy | None) -> None:
    function, role = who
    known = config.roles.get(role)
    policies = Policies((reading.read(known.policy, name=f"role {role}"),), resource) if known is not None else Policies()
    principal = role_session(place.account, role, function)
    for action in actions:
        if not evaluate(Request(action, arn, principal, {}, place.account), policies).allowed:
            service, _, call = action.partition(":")
            whose = f"role {role}" if role else f"{function} has none"
            raise invalid(
                f"The provided execution role does not have permissions to call {call} on {_SERVICES[service]} ({whose}: {action} on {arn:.300})"
            )
