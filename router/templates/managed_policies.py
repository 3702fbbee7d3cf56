"""AWS's managed policies that functions are given most, cut to the services that are here. Pure.

Source: AWS managed policy reference guide. Statements about services that are not here (network interfaces, X-Ray) are left out:
they would permit nothing."""

from collections.abc import Mapping
from typing import Any, Final

from router.templates.words import Refused, shown

_LOGS: Final = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
_QUEUE: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_STREAM: Final = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams")
_TABLE_READ: Final = (
    *("dynamodb:BatchGetItem", "dynamodb:Describe*", "dynamodb:List*", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"),
    "dynamodb:PartiQLSelect",
)

# name, after arn:aws:iam::aws:policy/ and service-role/ → the actions that it allows on every resource
POLICIES: Final[Mapping[str, tuple[str, ...]]] = {
    "AWSLambdaBasicExecutionRole": _LOGS,
    "AWSLambdaVPCAccessExecutionRole": _LOGS,
    "AmazonAPIGatewayPushToCloudWatchLogs": (
        *_LOGS,
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:GetLogEvents",
        "logs:FilterLogEvents",
    ),
    "AWSLambdaENIManagementAccess": (),
    "AWSLambdaSQSQueueExecutionRole": (*_QUEUE, *_LOGS),
    "AWSLambdaDynamoDBExecutionRole": (*_STREAM, *_LOGS),
    "AWSLambdaKinesisExecutionRole": _LOGS,
    "AWSLambdaMSKExecutionRole": _LOGS,
    "AWSLambdaInvocation-DynamoDB": ("lambda:InvokeFunction", *_STREAM),
    "AWSLambdaExecute": ("logs:*", "s3:GetObject", "s3:PutObject"),
    "AWSLambdaRole": ("lambda:InvokeFunction",),
    "AWSLambda_FullAccess": ("lambda:*", "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents"),
    "AWSLambda_ReadOnlyAccess": ("lambda:Get*", "lambda:List*", "logs:DescribeLogGroups", "logs:FilterLogEvents"),
    "AWSXRayDaemonWriteAccess": (),
    "AWSXrayWriteOnlyAccess": (),
    "CloudWatchLambdaInsightsExecutionRolePolicy": _LOGS,
    "CloudWatchLogsFullAccess": ("logs:*",),
    "CloudWatchLogsReadOnlyAccess": ("logs:Describe*", "logs:Get*", "logs:List*", "logs:StartQuery", "logs:FilterLogEvents"),
    "AmazonS3FullAccess": ("s3:*", "s3-object-lambda:*"),
    "AmazonS3ReadOnlyAccess": ("s3:Get*", "s3:List*", "s3:Describe*"),
    "AmazonSQSFullAccess": ("sqs:*",),
    "AmazonSQSReadOnlyAccess": ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListDeadLetterSourceQueues", "sqs:ListQueues"),
    "AmazonSNSFullAccess": ("sns:*",),
    "AmazonSNSReadOnlyAccess": ("sns:Get*", "sns:List*"),
    "AmazonDynamoDBFullAccess": ("dynamodb:*",),
    "AmazonDynamoDBFullAccess_v2": ("dynamodb:*",),
    "AmazonDynamoDBReadOnlyAccess": _TABLE_READ,
    "AmazonEventBridgeFullAccess": ("events:*", "scheduler:*"),
    "CloudWatchEventsFullAccess": ("events:*", "scheduler:*"),
    "AmazonEventBridgeReadOnlyAccess": ("events:Describe*", "events:List*", "events:TestEventPattern"),
    "AmazonEventBridgeSchedulerFullAccess": ("scheduler:*",),
    "AdministratorAccess": ("*",),
}
BASIC: Final = "AWSLambdaBasicExecutionRole"  # what SAM gives each role that it makes


def known(named: str) -> bool:
    """Whether a managed policy of this name or ARN is known."""
    return _short(named) in POLICIES


def statements(named: str) -> list[dict[str, Any]]:
    """Those of a policy named by its name or ARN; [] when it allows nothing here. Raises Refused for one that is not known."""
    actions = POLICIES.get(_short(named))
    if actions is None:
        raise Refused(f"managed policy {shown(named)} is not known here; write its statements out")
    return [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}] if actions else []


def _short(named: str) -> str:
    return named.rpartition("/")[2] if named.startswith("arn:aws") and ":iam::aws:policy/" in named else named
