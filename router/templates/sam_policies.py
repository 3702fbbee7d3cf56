"""SAM's policy templates: name and parameters → statements. Pure.

Source: SAM developer guide, "AWS SAM policy templates". A role may hold statements about services that are not here: they permit nothing."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from router.templates.naming import Place
from router.templates.words import Refused, shown


class _Grant(NamedTuple):
    """One statement: a service, its actions, and resources (ARNs of the account's region unless they begin with arn:)."""

    service: str
    actions: str
    resources: tuple[str, ...] = ("*",)
    condition: tuple[str, str, str] = ("", "", "")  # operator, key, value


_QUEUE: Final = ("{QueueName}",)
_TABLE: Final = ("table/{TableName}",)
_TABLE_AND_INDEXES: Final = ("table/{TableName}", "table/{TableName}/index/*")
_BUCKET: Final = ("arn:aws:s3:::{BucketName}",)
_OBJECTS: Final = ("arn:aws:s3:::{BucketName}/*",)
_IDENTITY: Final = ("identity/{IdentityName}",)
_CLUSTER: Final = ("cluster/{ClusterId}",)
_WHOLE: Final = re.compile(r"arn:\{([A-Za-z]+)\}")  # a parameter that is an ARN itself
_COLLECTION: Final = ("collection/{CollectionId}",)
_REPOSITORY_READ: Final = (
    "BatchDescribeMergeConflicts BatchGetCommits BatchGetPullRequests DescribeMergeConflicts DescribePullRequestEvents GetBlob GetBranch"
    " GetComment GetCommentsForComparedCommit GetCommentsForPullRequest GetCommit GetCommitHistory GetDifferences GetFile GetFolder"
    " GetMergeCommit GetMergeConflicts GetMergeOptions GetObjectIdentifier GetPullRequest GetReferences GetRepository"
    " GetRepositoryTriggers GetTree GetUploadArchiveStatus GitPull ListBranches ListPullRequests ListTagsForResource"
    " TestRepositoryTriggers"
)
_REPOSITORY_WRITE: Final = (
    "CancelUploadArchive CreateBranch CreateCommit CreatePullRequest CreateUnreferencedMergeCommit DeleteBranch DeleteCommentContent"
    " DeleteFile GitPush MergeBranchesByFastForward MergeBranchesBySquash MergeBranchesByThreeWay MergePullRequestByFastForward"
    " MergePullRequestBySquash MergePullRequestByThreeWay PostCommentForComparedCommit PostCommentForPullRequest PostCommentReply PutFile"
    " PutRepositoryTriggers TagResource UntagResource UpdateComment UpdateDefaultBranch UpdatePullRequestDescription"
    " UpdatePullRequestStatus UpdatePullRequestTitle UpdateRepositoryDescription UploadArchive"
)
_KINESIS_WRITE: Final = (
    "AddTagsToStream CreateStream DecreaseStreamRetentionPeriod DeleteStream DescribeStream DescribeStreamSummary GetShardIterator"
    " IncreaseStreamRetentionPeriod ListTagsForStream MergeShards PutRecord PutRecords SplitShard RemoveTagsFromStream"
)
_OBJECT_ACTIONS: Final = (
    "GetObject GetObjectAcl GetObjectVersion PutObject PutObjectAcl DeleteObject DeleteObjectTagging DeleteObjectVersionTagging"
    " GetObjectTagging GetObjectVersionTagging PutObjectTagging PutObjectVersionTagging"
)
_COMPREHEND: Final = (
    "BatchDetectKeyPhrases DetectDominantLanguage DetectEntities BatchDetectEntities DetectKeyPhrases DetectSentiment"
    " BatchDetectDominantLanguage BatchDetectSentiment"
)
_ATHENA_LIST: Final = "ListWorkGroups GetExecutionEngine GetExecutionEngines GetNamespace GetCatalogs GetNamespaces GetTables GetTable"
_ATHENA_QUERY: Final = (
    "StartQueryExecution GetQueryResults DeleteNamedQuery GetNamedQuery ListQueryExecutions StopQueryExecution GetQueryResultsStream"
    " ListNamedQueries CreateNamedQuery GetQueryExecution BatchGetNamedQuery BatchGetQueryExecution GetWorkGroup"
)
_STEPS: Final = "CreateApplication CreateApplicationVersion UpdateApplication GetApplication ListApplications ListApplicationVersions"
_COST: Final = (
    "GetCostAndUsage GetDimensionValues GetReservationCoverage GetReservationPurchaseRecommendation GetReservationUtilization GetTags"
)

POLICIES: Final[Mapping[str, tuple[_Grant, ...]]] = {
    "AcmGetCertificatePolicy": (_Grant("acm", "GetCertificate", ("arn:{CertificateArn}",)),),
    "AMIDescribePolicy": (_Grant("ec2", "DescribeImages", ("image/*",)),),
    "AthenaQueryPolicy": (_Grant("athena", _ATHENA_LIST), _Grant("athena", _ATHENA_QUERY, ("workgroup/{WorkGroupName}",))),
    "AWSSecretsManagerGetSecretValuePolicy": (_Grant("secretsmanager", "GetSecretValue", ("arn:{SecretArn}",)),),
    "AWSSecretsManagerRotationPolicy": (
        _Grant(
            "secretsmanager",
            "DescribeSecret GetSecretValue PutSecretValue UpdateSecretVersionStage",
            ("secret:*",),
            ("StringEquals", "secretsmanager:resource/AllowRotationLambdaArn", "arn:aws:lambda:{region}:{account}:function:{FunctionName}"),
        ),
        _Grant("secretsmanager", "GetRandomPassword"),
    ),
    "CloudFormationDescribeStacksPolicy": (_Grant("cloudformation", "DescribeStacks", ("stack/*",)),),
    "CloudWatchDashboardPolicy": (_Grant("cloudwatch", "GetDashboard ListDashboards PutDashboard ListMetrics"),),
    "CloudWatchDescribeAlarmHistoryPolicy": (_Grant("cloudwatch", "DescribeAlarmHistory"),),
    "CloudWatchPutMetricPolicy": (_Grant("cloudwatch", "PutMetricData"),),
    "CodeCommitCrudPolicy": (_Grant("codecommit", f"{_REPOSITORY_READ} {_REPOSITORY_WRITE}", ("{RepositoryName}",)),),
    "CodeCommitReadPolicy": (_Grant("codecommit", _REPOSITORY_READ, ("{RepositoryName}",)),),
    "CodePipelineLambdaExecutionPolicy": (_Grant("codepipeline", "PutJobSuccessResult PutJobFailureResult"),),
    "CodePipelineReadOnlyPolicy": (_Grant("codepipeline", "ListPipelineExecutions", ("{PipelineName}",)),),
    "ComprehendBasicAccessPolicy": (_Grant("comprehend", _COMPREHEND),),
    "CostExplorerReadOnlyPolicy": (_Grant("ce", _COST),),
    "DynamoDBBackupFullAccessPolicy": (
        _Grant("dynamodb", "CreateBackup DescribeContinuousBackups", _TABLE),
        _Grant("dynamodb", "DeleteBackup DescribeBackup ListBackups", ("table/{TableName}/backup/*",)),
    ),
    "DynamoDBCrudPolicy": (
        _Grant(
            "dynamodb",
            "GetItem DeleteItem PutItem Scan Query UpdateItem BatchWriteItem BatchGetItem DescribeTable ConditionCheckItem",
            _TABLE_AND_INDEXES,
        ),
    ),
    "DynamoDBReadPolicy": (_Grant("dynamodb", "GetItem Scan Query BatchGetItem DescribeTable", _TABLE_AND_INDEXES),),
    "DynamoDBReconfigurePolicy": (_Grant("dynamodb", "UpdateTable", _TABLE),),
    "DynamoDBRestoreFromBackupPolicy": (
        _Grant("dynamodb", "RestoreTableFromBackup", ("table/{TableName}/backup/*",)),
        _Grant("dynamodb", "PutItem UpdateItem DeleteItem GetItem Query Scan BatchWriteItem", _TABLE),
    ),
    "DynamoDBStreamReadPolicy": (
        _Grant("dynamodb", "DescribeStream GetRecords GetShardIterator", ("table/{TableName}/stream/{StreamName}",)),
        _Grant("dynamodb", "ListStreams", ("table/{TableName}/stream/*",)),
    ),
    "DynamoDBWritePolicy": (_Grant("dynamodb", "PutItem UpdateItem BatchWriteItem", _TABLE_AND_INDEXES),),
    "EC2CopyImagePolicy": (_Grant("ec2", "CopyImage", ("image/{ImageId}",)),),
    "EC2DescribePolicy": (_Grant("ec2", "DescribeRegions DescribeInstances"),),
    "EcsRunTaskPolicy": (_Grant("ecs", "RunTask", ("task-definition/{TaskDefinition}",)),),
    "EFSWriteAccessPolicy": (
        _Grant(
            "elasticfilesystem",
            "ClientMount ClientWrite",
            ("file-system/{FileSystem}",),
            (
                "StringEquals",
                "elasticfilesystem:AccessPointArn",
                "arn:aws:elasticfilesystem:{region}:{account}:access-point/{AccessPoint}",
            ),
        ),
    ),
    "ElasticMapReduceAddJobFlowsPolicy": (_Grant("elasticmapreduce", "AddJobFlowSteps", _CLUSTER),),
    "ElasticMapReduceAddJobFlowStepsPolicy": (_Grant("elasticmapreduce", "AddJobFlowSteps", _CLUSTER),),
    "ElasticMapReduceCancelStepsPolicy": (_Grant("elasticmapreduce", "CancelSteps", _CLUSTER),),
    "ElasticMapReduceModifyInstanceFleetPolicy": (_Grant("elasticmapreduce", "ModifyInstanceFleet ListInstanceFleets", _CLUSTER),),
    "ElasticMapReduceModifyInstanceGroupsPolicy": (_Grant("elasticmapreduce", "ModifyInstanceGroups ListInstanceGroups", _CLUSTER),),
    "ElasticMapReduceSetTerminationProtectionPolicy": (_Grant("elasticmapreduce", "SetTerminationProtection", _CLUSTER),),
    "ElasticMapReduceTerminateJobFlowsPolicy": (_Grant("elasticmapreduce", "TerminateJobFlows", _CLUSTER),),
    "EKSDescribePolicy": (_Grant("eks", "DescribeCluster ListClusters"),),
    "ElasticsearchHttpPostPolicy": (_Grant("es", "ESHttpPost ESHttpPut", ("domain/{DomainName}/*",)),),
    "EventBridgePutEventsPolicy": (_Grant("events", "PutEvents", ("event-bus/{EventBusName}",)),),
    "FilterLogEventsPolicy": (_Grant("logs", "FilterLogEvents", ("log-group:{LogGroupName}:log-stream:*",)),),
    "FirehoseCrudPolicy": (
        _Grant(
            "firehose",
            "CreateDeliveryStream DeleteDeliveryStream DescribeDeliveryStream PutRecord PutRecordBatch UpdateDestination",
            ("deliverystream/{DeliveryStreamName}",),
        ),
    ),
    "FirehoseWritePolicy": (_Grant("firehose", "PutRecord PutRecordBatch", ("deliverystream/{DeliveryStreamName}",)),),
    "KinesisCrudPolicy": (_Grant("kinesis", _KINESIS_WRITE, ("stream/{StreamName}",)),),
    "KinesisStreamReadPolicy": (
        _Grant("kinesis", "ListStreams DescribeLimits", ("stream/*",)),
        _Grant("kinesis", "DescribeStream DescribeStreamSummary GetRecords GetShardIterator", ("stream/{StreamName}",)),
    ),
    "KMSDecryptPolicy": (_Grant("kms", "Decrypt", ("key/{KeyId}",)),),
    "KMSEncryptPolicy": (_Grant("kms", "Encrypt", ("key/{KeyId}",)),),
    "LambdaInvokePolicy": (_Grant("lambda", "InvokeFunction", ("function:{FunctionName}*",)),),
    "MobileAnalyticsWriteOnlyAccessPolicy": (_Grant("mobileanalytics", "PutEvents"),),
    "OrganizationsListAccountsPolicy": (_Grant("organizations", "ListAccounts"),),
    "PinpointEndpointAccessPolicy": (
        _Grant("mobiletargeting", "GetEndpoint UpdateEndpoint UpdateEndpointsBatch", ("apps/{PinpointApplicationId}/endpoints/*",)),
    ),
    "PollyFullAccessPolicy": (
        _Grant("polly", "GetLexicon DeleteLexicon", ("lexicon/{LexiconName}",)),
        _Grant("polly", "DescribeVoices ListLexicons PutLexicon SynthesizeSpeech", ("lexicon/*",)),
    ),
    "RekognitionDetectOnlyPolicy": (_Grant("rekognition", "DetectFaces DetectLabels DetectModerationLabels DetectText"),),
    "RekognitionFacesManagementPolicy": (
        _Grant("rekognition", "IndexFaces DeleteFaces SearchFaces SearchFacesByImage ListFaces", _COLLECTION),
    ),
    "RekognitionFacesPolicy": (_Grant("rekognition", "CompareFaces DetectFaces"),),
    "RekognitionLabelsPolicy": (_Grant("rekognition", "DetectLabels DetectModerationLabels"),),
    "RekognitionNoDataAccessPolicy": (_Grant("rekognition", "CompareFaces DetectFaces DetectLabels DetectModerationLabels", _COLLECTION),),
    "RekognitionReadPolicy": (_Grant("rekognition", "ListCollections ListFaces SearchFaces SearchFacesByImage", _COLLECTION),),
    "RekognitionWriteOnlyAccessPolicy": (_Grant("rekognition", "CreateCollection IndexFaces", _COLLECTION),),
    "Route53ChangeResourceRecordSetsPolicy": (
        _Grant("route53", "ChangeResourceRecordSets", ("arn:aws:route53:::hostedzone/{HostedZoneId}",)),
    ),
    "S3CrudPolicy": (
        _Grant(
            "s3",
            "GetObject ListBucket GetBucketLocation GetObjectVersion PutObject PutObjectAcl GetLifecycleConfiguration"
            " PutLifecycleConfiguration DeleteObject",
            _BUCKET + _OBJECTS,
        ),
    ),
    "S3FullAccessPolicy": (
        _Grant("s3", _OBJECT_ACTIONS, _OBJECTS),
        _Grant("s3", "ListBucket GetBucketLocation GetLifecycleConfiguration PutLifecycleConfiguration", _BUCKET),
    ),
    "S3ReadPolicy": (
        _Grant("s3", "GetObject ListBucket GetBucketLocation GetObjectVersion GetLifecycleConfiguration", _BUCKET + _OBJECTS),
    ),
    "S3WritePolicy": (_Grant("s3", "PutObject PutObjectAcl PutLifecycleConfiguration", _BUCKET + _OBJECTS),),
    "SageMakerCreateEndpointConfigPolicy": (_Grant("sagemaker", "CreateEndpointConfig", ("endpoint-config/{EndpointConfigName}",)),),
    "SageMakerCreateEndpointPolicy": (_Grant("sagemaker", "CreateEndpoint", ("endpoint/{EndpointName}",)),),
    "ServerlessRepoReadWriteAccessPolicy": (_Grant("serverlessrepo", f"{_STEPS} ListApplicationDependencies", ("applications/*",)),),
    "SESBulkTemplatedCrudPolicy": (
        _Grant(
            "ses",
            "GetIdentityVerificationAttributes SendEmail SendRawEmail SendTemplatedEmail SendBulkTemplatedEmail VerifyEmailIdentity",
            _IDENTITY,
        ),
    ),
    "SESBulkTemplatedCrudPolicy_v2": (
        _Grant("ses", "SendEmail SendRawEmail SendTemplatedEmail SendBulkTemplatedEmail", (*_IDENTITY, "template/{TemplateName}")),
        _Grant("ses", "GetIdentityVerificationAttributes VerifyEmailIdentity"),
    ),
    "SESCrudPolicy": (_Grant("ses", "GetIdentityVerificationAttributes SendEmail SendRawEmail VerifyEmailIdentity", _IDENTITY),),
    "SESEmailTemplateCrudPolicy": (
        _Grant("ses", "CreateTemplate GetTemplate ListTemplates UpdateTemplate DeleteTemplate TestRenderTemplate"),
    ),
    "SESSendBouncePolicy": (_Grant("ses", "SendBounce", _IDENTITY),),
    "SNSCrudPolicy": (_Grant("sns", "ListSubscriptionsByTopic CreateTopic SetTopicAttributes Subscribe Publish", ("{TopicName}*",)),),
    "SNSPublishMessagePolicy": (_Grant("sns", "Publish", ("{TopicName}",)),),
    "SQSPollerPolicy": (
        _Grant(
            "sqs",
            "ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch GetQueueAttributes ReceiveMessage",
            _QUEUE,
        ),
    ),
    "SQSSendMessagePolicy": (_Grant("sqs", "SendMessage*", _QUEUE),),
    "SSMParameterReadPolicy": (
        _Grant("ssm", "DescribeParameters"),
        _Grant("ssm", "GetParameters GetParameter GetParametersByPath", ("parameter/{ParameterName}",)),
    ),
    "SSMParameterWithSlashPrefixReadPolicy": (
        _Grant("ssm", "DescribeParameters"),
        _Grant("ssm", "GetParameters GetParameter GetParametersByPath", ("parameter{ParameterName}",)),
    ),
    "StepFunctionsExecutionPolicy": (_Grant("states", "StartExecution", ("stateMachine:{StateMachineName}",)),),
    "TextractDetectAnalyzePolicy": (
        _Grant("textract", "DetectDocumentText StartDocumentTextDetection StartDocumentAnalysis AnalyzeDocument"),
    ),
    "TextractGetResultPolicy": (_Grant("textract", "GetDocumentTextDetection GetDocumentAnalysis"),),
    "TextractPolicy": (_Grant("textract", "*"),),
    "VPCAccessPolicy": (_Grant("ec2", "CreateNetworkInterface DeleteNetworkInterface DescribeNetworkInterfaces DetachNetworkInterface"),),
}


def statements(name: str, parameters: Mapping[str, Any], place: Place) -> list[dict[str, Any]]:
    """The statements of a policy template. Raises Refused for a parameter that is missing or unknown."""
    grants = POLICIES[name]
    wanted = {word for grant in grants for text in (*grant.resources, grant.condition[2]) for word in _words(text)}
    if missing := sorted(wanted - set(parameters)):
        raise Refused(f"policy {name} needs {', '.join(missing)}")
    if unknown := sorted(set(parameters) - wanted):
        raise Refused(f"policy {name} has no parameter {shown(unknown[0])}")
    if wrong := [key for key, value in parameters.items() if not isinstance(value, str) or not value]:
        raise Refused(f"policy {name}: {wrong[0]} is no text")
    return [_statement(grant, parameters, place) for grant in grants]


def _words(text: str) -> list[str]:
    return [part.partition("}")[0] for part in text.split("{")[1:] if part[:1].isupper()]


def _statement(grant: _Grant, parameters: Mapping[str, str], place: Place) -> dict[str, Any]:
    resources = [_resource(text, grant.service, parameters, place) for text in grant.resources]
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": [f"{grant.service}:{action}" for action in grant.actions.split()],
        "Resource": resources[0] if len(resources) == 1 else resources,
    }
    operator, key, value = grant.condition
    if operator:
        statement["Condition"] = {operator: {key: value.format(region=place.region, account=place.account, **parameters)}}
    return statement


def _resource(text: str, service: str, parameters: Mapping[str, str], place: Place) -> str:
    if whole := _WHOLE.fullmatch(text):
        return parameters[whole[1]]
    filled = text.format(**parameters)
    return filled if text == "*" or text.startswith("arn:") else f"arn:aws:{service}:{place.region}:{place.account}:{filled}"
