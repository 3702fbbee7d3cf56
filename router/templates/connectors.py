"""SAM's connectors: what one resource of a template may do with another. Pure.

Source: SAM developer guide, "AWS::Serverless::Connector" and "Supported source and destination resource types"; the actions are those of
SAM's own profiles."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from router.templates import sam_policies
from router.templates.draft import Draft, Item
from router.templates.props import Props
from router.templates.words import Refused, shown

_FUNCTIONS: Final = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_TABLES: Final = ("AWS::Serverless::SimpleTable", "AWS::DynamoDB::Table")
# from a function: type of the destination → parameter of the policy templates, and those of Read and Write
_FROM_FUNCTION: Final = {
    "AWS::S3::Bucket": ("BucketName", "S3ReadPolicy", "S3WritePolicy"),
    **dict.fromkeys(_TABLES, ("TableName", "DynamoDBReadPolicy", "DynamoDBWritePolicy")),
    "AWS::SQS::Queue": ("QueueName", "SQSPollerPolicy", "SQSSendMessagePolicy"),
    "AWS::SNS::Topic": ("TopicName", "", "SNSPublishMessagePolicy"),
    **dict.fromkeys(_FUNCTIONS, ("FunctionName", "", "LambdaInvokePolicy")),
    "AWS::Events::EventBus": ("EventBusName", "", "EventBridgePutEventsPolicy"),
}
_OF_STREAM: Final = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
# to a function that an event source mapping invokes: type of the source → permission → actions, and the end of the ARN
_TO_FUNCTION: Final[dict[str, tuple[dict[str, list[str]], str]]] = {
    "AWS::SQS::Queue": ({"Read": ["sqs:ReceiveMessage", "sqs:GetQueueAttributes"], "Write": ["sqs:DeleteMessage"]}, ""),
    **dict.fromkeys(_TABLES, ({"Read": _OF_STREAM}, "/stream/*")),
}
# of services: AWS asks a policy of the destination, here what the template connects is the operator's word
_SERVICES: Final = {
    "AWS::Events::Rule": (*_FUNCTIONS, "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Events::EventBus"),
    "AWS::SNS::Topic": (*_FUNCTIONS, "AWS::SQS::Queue"),
    "AWS::S3::Bucket": _FUNCTIONS,
    "AWS::Serverless::Api": _FUNCTIONS,
    "AWS::Serverless::HttpApi": _FUNCTIONS,
    "AWS::ApiGateway::RestApi": _FUNCTIONS,
    "AWS::ApiGatewayV2::Api": _FUNCTIONS,
}


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connector."""

    type: str
    name: str
    logical: str = ""  # of a resource of the template; "": it is named by its ARN


def connector(item: Item, draft: Draft) -> None:
    """AWS::Serverless::Connector."""
    props = draft.props(item)
    source, ends = props.child("Source"), list(props.children("Destination"))
    permissions = props.texts("Permissions")
    props.done()
    if source is None or not ends:
        raise Refused("Source and Destination are required")
    _connect(item, _end(source, draft), ends, permissions, draft)


def embedded(item: Item, source: str, draft: Draft) -> None:
    """One of a resource's `Connectors`; *source*: the resource's logical id."""
    props = draft.props(item)
    ends, permissions = list(props.children("Destination")), props.texts("Permissions")
    props.done()
    _connect(item, _resource(source, draft), ends, permissions, draft)


def _connect(item: Item, source: End, ends: list[Props], permissions: list[str], draft: Draft) -> None:
    roles = [permit(source, _end(end, draft), permissions, draft) for end in ends]
    item.becomes = ", ".join(dict.fromkeys(f"roles.{role}" for role in roles if role))


def _end(end: Props, draft: Draft) -> End:
    if "Id" in end:
        return _resource(end.text("Id"), draft)
    return End(end.text("Type"), re.split("[:/]", end.text("Arn"))[-1])


def _resource(logical: str, draft: Draft) -> End:
    resource = draft.resolver.resources.get(logical)
    if resource is None:
        raise Refused(f"{shown(logical)}: no resource of this template")
    draft.resolver.referred.add(logical)
    return End(str(resource.get("Type")), draft.resolver.name(logical), logical)


def permit(source: End, destination: End, permissions: list[str], draft: Draft) -> str:
    """Let *source* use *destination*; the role that is allowed it, "" where none has to be. Raises Refused."""
    if destination.type in _SERVICES.get(source.type, ()):
        return ""
    holder = source if source.type in _FUNCTIONS else destination
    if source.type in _FUNCTIONS and destination.type in _FROM_FUNCTION:
        found = list(_from_function(destination, permissions, draft))
    elif source.type in _TO_FUNCTION and destination.type in _FUNCTIONS and source.logical:
        found = list(_to_function(source, permissions, draft))
    else:
        raise Refused(f"connectors from {shown(source.type)} to {shown(destination.type)} are not supported")
    function = draft.sections["functions"].get(holder.name)
    if function is None or not function.get("role"):
        raise Refused(f"function {shown(holder.logical or holder.name)} is not here, or has no role")
    draft.sections["roles"][function["role"]]["policy"] += found
    return str(function["role"])


def _from_function(destination: End, permissions: list[str], draft: Draft) -> Iterator[dict[str, Any]]:
    parameter, read, write = _FROM_FUNCTION[destination.type]
    for permission in permissions:
        name = {"Read": read, "Write": write}.get(permission)
        if not name:
            raise Refused(f"permission {shown(permission)} of this connector is not supported")
        found = sam_policies.statements(name, {parameter: destination.name}, draft.resolver.place)
        if name == "DynamoDBWritePolicy":
            found[0]["Action"].append("dynamodb:DeleteItem")
        yield from found


def _to_function(source: End, permissions: list[str], draft: Draft) -> Iterator[dict[str, Any]]:
    allowed, end = _TO_FUNCTION[source.type]
    for permission in permissions:
        if permission not in allowed:
            raise Refused(f"permission {shown(permission)} of this connector is not supported")
        yield {"Effect": "Allow", "Action": allowed[permission], "Resource": f"{draft.resolver.attribute(source.logical, 'Arn')}{end}"}
