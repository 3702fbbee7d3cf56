"""Targets between AWS's members and the config's words. Pure.

Source: EventBridge API reference, Target. What a target's kind would need and is not here (streams, tasks, state machines, HTTP) is refused."""

import json
from collections.abc import Mapping
from typing import Any, Final

from router import names
from router.api.aws.events.members import invalid, refuse, structure, text
from router.api.aws.service import Members, Need
from router.events import arns
from router.events.eventbridge import Place
from router.events.transform import Input, InvalidInput, InvalidPlaceholder
from router.events.undelivered import ATTEMPTS, OLDEST
from router.sources.target_reading import ACTIONS
from router.sources.targets import Target

INPUTS: Final = ("Input", "InputPath", "InputTransformer")
UNSUPPORTED: Final = (
    *("KinesisParameters", "RunCommandParameters", "EcsParameters", "BatchParameters", "HttpParameters", "RedshiftDataParameters"),
    *("SageMakerPipelineParameters", "AppSyncParameters"),
)
PASSED: Final = "events.amazonaws.com"
_SERVICES: Final = {"lambda": "function", "sqs": "queue", "events": "bus", "sns": "topic", "logs": "log_group"}


def where(arn: str, place: Place) -> tuple[str, str]:
    """The kind and the name of what an ARN is of: ("queue", "jobs"). Raises AwsError for what can be no target here."""
    service, region, account, name = _fields(arn)
    kind = _SERVICES.get(service)
    prefix = {"function": "function:", "queue": "", "bus": "event-bus/", "topic": "", "log_group": "log-group:"}.get(kind or "", "?")
    if kind is None or not name.startswith(prefix):
        raise invalid(
            f"Parameter {arn[:200]} is not valid. Reason: targets here are functions, queues, event buses, topics and log groups."
        )
    if (region, account) != (place.region, place.account):
        raise invalid(f"Parameter {arn[:200]} is not valid. Reason: it is not of this account {place.account} in {place.region}.")
    return kind, name.removeprefix(prefix).removesuffix(":*")


def _fields(arn: str) -> list[str]:
    """Service, region, account and name. Raises AwsError for what is no ARN."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[:2] != ["arn", "aws"]:
        raise invalid(f"Parameter {arn[:200]} is not valid. Reason: Provided Arn is not in correct format.")
    return parts[2:]


def role_of(arn: str, place: Place) -> str:
    """The name of the role under an ARN. Raises AwsError."""
    found = arns.role(arn, account=place.account)
    if not found:
        raise invalid(f"Parameter RoleArn is not valid. Reason: {arn[:200]} is no ARN of a role of this account.")
    return found


def queue_of(members: Members, place: Place, name: str = "Arn") -> str:
    """The queue of a DeadLetterConfig. Raises AwsError."""
    kind, queue = where(text(members, name), place)
    if kind != "queue":
        raise invalid("Parameter DeadLetterConfig is not valid. Reason: it names no SQS queue.")
    return queue


def check(given: Members) -> None:
    """What a target says of itself: what is wrong there refuses the request, whatever else is in it. Raises AwsError."""
    _fields(text(given, "Arn"))
    _input(given, text(given, "Id"))


def declared(given: Members, place: Place) -> dict[str, Any]:
    """A target as config.yaml has it. Raises AwsError."""
    identity = text(given, "Id")
    refuse(given, *UNSUPPORTED)
    kind, name = where(text(given, "Arn"), place)
    value: dict[str, Any] = {kind: name, "id": identity} | _input(given, identity) | terms(given, place)
    if given.get("RoleArn"):
        value["role"] = role_of(text(given, "RoleArn"), place)
    return value


def terms(given: Members, place: Place) -> dict[str, Any]:
    """DeadLetterConfig, RetryPolicy and SqsParameters as config.yaml has them."""
    value: dict[str, Any] = {}
    if dead_letter := structure(given, "DeadLetterConfig"):
        value["dead_letter"] = {"queue": queue_of(dead_letter, place)}
    retry = structure(given, "RetryPolicy")
    pairs = (("attempts", "MaximumRetryAttempts"), ("age", "MaximumEventAgeInSeconds"))
    if found := {word: retry[name] for word, name in pairs if retry.get(name) is not None}:
        value["retry"] = found
    if group := structure(given, "SqsParameters").get("MessageGroupId"):
        value["group"] = group
    return value


def _input(given: Members, identity: str) -> dict[str, Any]:
    found = [name for name in INPUTS if given.get(name)]
    if len(found) > 1:
        raise invalid(f"Only one of Input, InputPath, or InputTransformer must be provided for target {identity}.")
    if found == ["Input"]:
        try:
            return {"input": json.loads(text(given, "Input"), parse_constant=_no_constant)}
        except (ValueError, RecursionError):
            raise invalid(f"JSON syntax error in input for target {identity}") from None
    if found == ["InputPath"]:
        return {"input_path": _path(text(given, "InputPath"), identity)}
    if found == ["InputTransformer"]:
        transformer = structure(given, "InputTransformer")
        return {"input_transformer": _template(text(transformer, "InputTemplate"), structure(transformer, "InputPathsMap"), identity)}
    return {}


def _path(path: str, identity: str) -> str:
    try:
        Input.part(path)
    except InvalidInput as error:
        raise invalid(f"Invalid InputPath for target {identity}: {error}") from None
    return path


def _template(template: str, paths: Mapping[str, str], identity: str) -> dict[str, Any]:
    try:
        Input.template(template, paths)
    except InvalidPlaceholder as error:
        raise invalid(f"InputTemplate for target {identity} contains invalid placeholder {error.name}.") from None
    except InvalidInput as error:
        raise invalid(f"Invalid InputTemplate for target {identity}: {error}") from None
    return {"template": template} | ({"paths": dict(paths)} if paths else {})


def shown(target: Target, place: Place) -> dict[str, Any]:
    """A target of config.yaml's as AWS's members."""
    made: dict[str, Any] = {"Id": target.id or "Target0", "Arn": target.arn(place)}
    given = target.input
    if given.path is not None:
        made["InputPath"] = spelled(given.path)
    elif given.pieces:
        paths = {name: spelled(path) for name, path in (given.variables or {}).items()}
        made["InputTransformer"] = {"InputTemplate": given.text} | ({"InputPathsMap": paths} if paths else {})
    elif given.text is not None:
        made["Input"] = given.text
    if target.dead_letter:
        made["DeadLetterConfig"] = {"Arn": names.queue_arn(place.region, place.account, target.dead_letter)}
    retry = {"MaximumRetryAttempts": (target.attempts, ATTEMPTS), "MaximumEventAgeInSeconds": (int(target.age), OLDEST)}
    if told := {member: value for member, (value, usual) in retry.items() if value != usual}:
        made["RetryPolicy"] = told
    if target.group:
        made["SqsParameters"] = {"MessageGroupId": target.group}
    if target.role:
        made["RoleArn"] = f"arn:aws:iam::{place.account}:role/{target.role}"
    return made


def spelled(path: tuple[str | int | None, ...]) -> str:
    """A JSON path as text."""
    return "$" + "".join("[*]" if step is None else f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in path)


def needs(given: Mapping[str, Any], *, passed: str = PASSED) -> list[Need]:
    """What a target asks of who sets it: to pass its role, or, without one, to be allowed itself what is done in its name.

    To fill a dead-letter queue it takes being allowed to send to it, role or not."""
    role, arn, dead_letter = given.get("RoleArn"), given.get("Arn"), given.get("DeadLetterConfig")
    queue = dead_letter.get("Arn") if isinstance(dead_letter, Mapping) else None
    filling = [Need(ACTIONS["queue"], queue)] if isinstance(queue, str) else []
    if isinstance(role, str) and role:
        return [Need("iam:PassRole", arns.passed(role), {"iam:passedtoservice": (passed,)}), *filling]
    parts = arn.split(":", 5) if isinstance(arn, str) else []
    action = ACTIONS.get(_SERVICES.get(parts[2], "")) if len(parts) == 6 else None
    return [*([Need(action, str(arn))] if action is not None else []), *filling]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
