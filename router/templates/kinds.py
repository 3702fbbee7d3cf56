"""What Ref and GetAtt give of each type of resource, and how a resource is named here. Pure.

Source: CloudFormation template reference, "Return values" of each type. A resource without a name of its own is called by its
logical id, spelt as its kind wants it: AWS would add random letters, here a name is the same each time."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

_DIGEST: Final = 5  # bytes of the digest in a name that is made of a longer one
_ARN: Final = "arn:aws:{service}:{region}:{account}:"


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of resource. Formats know {name}, {region}, {account}, {endpoint}, {web} and {logical}."""

    property: str = ""  # that holds its name
    ref: str = "{name}"
    arn: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)  # of GetAtt, besides Arn
    named: Callable[[str], str] = str  # logical id → name
    suffix: str = ""  # a property that, when true, asks for this end of the name: FifoQueue
    section: str = ""  # where it stands in config.yaml


def fitted(name: str, longest: int) -> str:
    """A name that is made of others: of one that is too long the beginning, and a digest of the whole, so that no two become one."""
    if len(name) <= longest:
        return name
    digest = hashlib.blake2b(name.encode(errors="replace"), digest_size=_DIGEST).hexdigest()
    return f"{name[: longest - len(digest) - 1].rstrip('-')}-{digest}"


def _spread(logical: str) -> str:
    """UploadBucket as upload-bucket: buckets have no capitals."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", logical).lower()
    return fitted(text if len(text) > 2 else f"{text}-bucket", 63)


def _long(logical: str) -> str:
    """A table's name has three characters at least."""
    return logical if len(logical) > 2 else f"{logical}-table"


def _cut(size: int) -> Callable[[str], str]:
    return lambda logical: fitted(logical, size)


def _small(logical: str) -> str:
    return logical.lower()


_QUEUE: Final = "arn:aws:sqs:{region}:{account}:{name}"
_TOPIC: Final = "arn:aws:sns:{region}:{account}:{name}"
_TABLE: Final = "arn:aws:dynamodb:{region}:{account}:table/{name}"
_FUNCTION: Final = "arn:aws:lambda:{region}:{account}:function:{name}"
_LAYER: Final = "arn:aws:lambda:{region}:{account}:layer:{name}:1"
_ROLE: Final = "arn:aws:iam::{account}:role/{name}"
_STREAM: Final = _TABLE + "/stream/*"  # its label is the moment at which it is made; so policies that name it hold for it
_FUNCTION_KIND: Final = Kind("FunctionName", arn=_FUNCTION, named=_cut(64), section="functions")
_TABLE_KIND: Final = Kind("TableName", arn=_TABLE, attributes={"StreamArn": _STREAM}, named=_long, section="tables")
_STATE_MACHINE: Final = "arn:aws:states:{region}:{account}:stateMachine:{name}"

KINDS: Final[Mapping[str, Kind]] = {
    "AWS::Serverless::Function": _FUNCTION_KIND,
    "AWS::Lambda::Function": _FUNCTION_KIND,
    "AWS::Serverless::SimpleTable": _TABLE_KIND,
    "AWS::DynamoDB::Table": _TABLE_KIND,
    "AWS::DynamoDB::GlobalTable": _TABLE_KIND,
    "AWS::Serverless::LayerVersion": Kind("LayerName", ref=_LAYER, arn=_LAYER, attributes={"LayerVersionArn": _LAYER}),
    "AWS::Lambda::LayerVersion": Kind("LayerName", ref=_LAYER, arn=_LAYER, attributes={"LayerVersionArn": _LAYER}),
    "AWS::Serverless::Api": Kind(named=_small, attributes={"RootResourceId": "root", "RestApiId": "{name}"}),
    "AWS::Serverless::HttpApi": Kind(named=_small, attributes={"ApiEndpoint": "{web}", "ApiId": "{name}"}),
    "AWS::ApiGatewayV2::Api": Kind(named=_small, attributes={"ApiEndpoint": "{web}", "ApiId": "{name}"}),
    "AWS::ApiGateway::Stage": Kind("StageName"),
    "AWS::ApiGatewayV2::Stage": Kind("StageName"),
    "AWS::ApiGateway::RestApi": Kind(named=_small, attributes={"RootResourceId": "root", "RestApiId": "{name}"}),
    "AWS::S3::Bucket": Kind(
        "BucketName",
        arn="arn:aws:s3:::{name}",
        attributes={
            "DomainName": "{name}.s3.amazonaws.com",
            "RegionalDomainName": "{name}.s3.{region}.amazonaws.com",
            "DualStackDomainName": "{name}.s3.dualstack.{region}.amazonaws.com",
            "WebsiteURL": "http://{name}.s3-website-{region}.amazonaws.com",
        },
        named=_spread,
        section="buckets",
    ),
    "AWS::SQS::Queue": Kind(
        "QueueName",
        ref="{endpoint}/{account}/{name}",
        arn=_QUEUE,
        attributes={"QueueName": "{name}", "QueueUrl": "{endpoint}/{account}/{name}"},
        named=_cut(75),
        suffix="FifoQueue",
        section="queues",
    ),
    "AWS::SNS::Topic": Kind(
        "TopicName",
        ref=_TOPIC,
        arn=_TOPIC,
        attributes={"TopicName": "{name}", "TopicArn": _TOPIC},
        suffix="FifoTopic",
        section="topics",
    ),
    "AWS::Events::EventBus": Kind(
        "Name", arn="arn:aws:events:{region}:{account}:event-bus/{name}", attributes={"Name": "{name}"}, section="buses"
    ),
    "AWS::Events::Rule": Kind("Name", arn="arn:aws:events:{region}:{account}:rule/{name}", named=_cut(64), section="rules"),
    "AWS::Events::Archive": Kind("ArchiveName", arn="arn:aws:events:{region}:{account}:archive/{name}"),
    "AWS::Scheduler::Schedule": Kind(
        "Name", arn="arn:aws:scheduler:{region}:{account}:schedule/default/{name}", named=_cut(64), section="schedules"
    ),
    "AWS::Scheduler::ScheduleGroup": Kind("Name", arn="arn:aws:scheduler:{region}:{account}:schedule-group/{name}"),
    "AWS::IAM::Role": Kind("RoleName", arn=_ROLE, attributes={"RoleId": "AROA{logical}"}, named=_cut(64), section="roles"),
    "AWS::IAM::ManagedPolicy": Kind(
        "ManagedPolicyName",
        ref="arn:aws:iam::{account}:policy/{name}",
        arn="arn:aws:iam::{account}:policy/{name}",
        attributes={"PolicyArn": "arn:aws:iam::{account}:policy/{name}"},
    ),
    "AWS::Logs::SubscriptionFilter": Kind("FilterName"),
    "AWS::Logs::MetricFilter": Kind("FilterName"),
    "AWS::Logs::LogGroup": Kind("LogGroupName", arn="arn:aws:logs:{region}:{account}:log-group:{name}:*"),
    "Custom::LogRetention": Kind("LogGroupName", attributes={"LogGroupName": "{name}"}),
    "AWS::ApiGateway::ApiKey": Kind("Name", attributes={"APIKeyId": "{name}"}),
    "AWS::ApiGateway::UsagePlan": Kind("UsagePlanName", attributes={"Id": "{name}"}),
    "AWS::Lambda::EventSourceMapping": Kind(
        attributes={"Id": "{name}"}, arn="arn:aws:lambda:{region}:{account}:event-source-mapping:{name}"
    ),
    "AWS::Serverless::StateMachine": Kind("Name", ref=_STATE_MACHINE, arn=_STATE_MACHINE, attributes={"Name": "{name}"}),
    "AWS::StepFunctions::StateMachine": Kind("StateMachineName", ref=_STATE_MACHINE, arn=_STATE_MACHINE, attributes={"Name": "{name}"}),
}
_OTHER: Final = Kind()


def kind_of(type_: str) -> Kind:
    """What is known of a type; a plain one for those that are not here."""
    return KINDS.get(type_, _OTHER)


def other_arn(type_: str) -> str:
    """The form of an ARN of a type that is not here: of its service, with the name as the resource."""
    parts = type_.split("::")
    return _ARN.replace("{service}", parts[1].lower() if len(parts) > 1 else "custom") + "{name}"
