"""Which model and which type each event of `router event` has, and where those do not take what AWS sends."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from aws_lambda_powertools.utilities.parser import models

from tests.fidelity.consumers.typescript import UNDEFINED, Odd

EPOCH: Final = "AWS sends a number, the model has a datetime"
CONVERTS: Final = "the model rewrites its input before it checks, and text is no datetime then"
ABSENT: Final = "AWS leaves it out"
UNKNOWN: Final = "AWS sends it, the types do not know it"
S3_LAX: Final = {"Records.eventTime": CONVERTS}
SNS_LAX: Final = {"Records.Sns.Timestamp": CONVERTS}
LOGS_LAX: Final = {"awslogs.data.logEvents.timestamp": EPOCH}
V2_LAX: Final = {"requestContext.timeEpoch": EPOCH}
REST_LAX: Final = {"requestContext.requestTimeEpoch": EPOCH, "requestContext.deploymentId": "AWS sends it, the model does not know it"}
V1_LAX: Final = {"requestContext.requestTimeEpoch": EPOCH, "requestContext.identity.cognitoAmr": "AWS sends it, the model does not know it"}
DYNAMODB_LAX: Final = {
    "Records.eventVersion": "AWS sends text, the model has a float",
    "Records.dynamodb.ApproximateCreationDateTime": EPOCH,
}

_CONTEXT: Final = "requestContext"
_V1: Final = tuple(
    Odd([_CONTEXT, "identity", name], f"{ABSENT} where none is asked for", None) for name in ("apiKey", "apiKeyId", "clientCert")
)
REST: Final = (
    *_V1,
    Odd([_CONTEXT, "authorizer"], f"{ABSENT} where there is none, the types have undefined or null", None),
    Odd([_CONTEXT, "deploymentId"], UNKNOWN),
)
REQUEST: Final = (
    *_V1,
    Odd([_CONTEXT, "authorizer"], f"{ABSENT}, the types have undefined", UNDEFINED),
    Odd([_CONTEXT, "deploymentId"], UNKNOWN),
)
HTTP1: Final = (
    *_V1,
    Odd(["version"], "HTTP APIs send it, REST APIs do not; the types are those of REST APIs"),
    Odd([_CONTEXT, "authorizer"], f"{ABSENT} where there is none, the types have undefined or null", None),
    Odd([_CONTEXT, "identity", "cognitoAmr"], UNKNOWN),
)
DELETED: Final = tuple(Odd(["Records", 0, "s3", "object", name], ABSENT, value) for name, value in (("size", 0), ("eTag", "")))
UNVERSIONED: Final = Odd(["detail", "object", "version-id"], f"{ABSENT} where the bucket has no versions", "")
WINDOW: Final = (Odd(["shardId"], UNKNOWN), Odd(["eventSourceARN"], UNKNOWN))
NO_SUBJECT: Final = (Odd(["Records", 0, "Sns", "Subject"], "AWS sends null, recorded; the types have it absent", ""),)


class Kind(NamedTuple):
    """One type of event."""

    model: type[Any]
    type: str
    lax: Mapping[str, str] = {}
    odd: Sequence[Odd] = ()


KINDS: Final = {
    "s3-put": Kind(models.S3Model, "S3Event", S3_LAX),
    "s3-copy": Kind(models.S3Model, "S3Event", S3_LAX),
    "s3-multipart": Kind(models.S3Model, "S3Event", S3_LAX),
    "s3-delete": Kind(models.S3Model, "S3Event", S3_LAX, DELETED),
    "s3-eventbridge": Kind(models.S3EventNotificationEventBridgeModel, "S3ObjectCreatedNotificationEvent", {}, [UNVERSIONED]),
    "http": Kind(models.APIGatewayProxyEventV2Model, "APIGatewayProxyEventV2", V2_LAX),
    "rest": Kind(models.APIGatewayProxyEventModel, "APIGatewayProxyEvent", REST_LAX, REST),
    "url": Kind(models.LambdaFunctionUrlModel, "LambdaFunctionURLEvent", V2_LAX),
    "alb": Kind(models.AlbModel, "ALBEvent"),
    "schedule": Kind(models.EventBridgeModel, "ScheduledEvent"),
    "scheduler": Kind(models.EventBridgeModel, "ScheduledEvent<string>"),
    "eventbridge": Kind(models.EventBridgeModel, "EventBridgeEvent<string, object>"),
    "dynamodb": Kind(models.DynamoDBStreamModel, "DynamoDBStreamEvent", DYNAMODB_LAX),
    "sqs": Kind(models.SqsModel, "SQSEvent"),
    "sns": Kind(models.SnsModel, "SNSEvent", SNS_LAX, NO_SUBJECT),
    "kinesis": Kind(models.KinesisDataStreamModel, "KinesisStreamEvent"),
    "authorizer-token": Kind(models.ApiGatewayAuthorizerToken, "APIGatewayTokenAuthorizerEvent"),
    "authorizer-request": Kind(models.ApiGatewayAuthorizerRequest, "APIGatewayRequestAuthorizerEvent", REST_LAX, REQUEST),
    "logs": Kind(models.CloudWatchLogsModel, "CloudWatchLogsEvent", LOGS_LAX),
}
