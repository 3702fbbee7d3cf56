"""The condition keys that are known here: a condition on any other is taken for the worse, and said.

Pure. Sources: IAM user guide, "AWS global condition context keys"; service authorization reference of S3, Lambda,
SQS, EventBridge, DynamoDB, CloudWatch Logs, SNS, STS. What nobody here finds out of a request, such as the tags of the object that it
is about, is not known: absent it would leave a Deny without effect. A known key that a request does not carry is absent, as on AWS."""

from typing import Final

_GLOBAL: Final = (
    *("CalledVia", "CalledViaFirst", "CalledViaLast", "CurrentTime", "EpochTime", "FederatedProvider", "MultiFactorAuthAge"),
    *("MultiFactorAuthPresent", "PrincipalAccount", "PrincipalArn", "PrincipalIsAWSService", "PrincipalOrgID", "PrincipalOrgPaths"),
    *("PrincipalServiceName", "PrincipalServiceNamesList", "PrincipalType", "Referer", "RequestedRegion", "ResourceAccount"),
    *("SecureTransport", "SourceAccount", "SourceArn", "SourceIdentity", "SourceIp", "SourceOrgID", "TokenIssueTime"),
    *("UserAgent", "userid", "username", "ViaAWSService"),
)
_OF_SERVICE: Final = {
    "s3": (
        *("prefix", "delimiter", "max-keys", "authType", "signatureversion", "x-amz-acl"),
        *("x-amz-content-sha256", "x-amz-copy-source", "x-amz-metadata-directive", "x-amz-server-side-encryption", "x-amz-storage-class"),
        *("RequestObjectTagKeys", "ResourceAccount", "if-match", "if-none-match"),
    ),
    "lambda": (*("EventSourceToken", "FunctionArn", "FunctionUrlAuthType", "InvokedViaFunctionUrl", "Layer", "Principal"),),
    "dynamodb": ("Attributes", "EnclosingOperation", "FullTableScan", "LeadingKeys", "ReturnConsumedCapacity", "ReturnValues", "Select"),
    "events": (
        *("creatorAccount", "detail-type", "detail.eventTypeCode", "detail.service", "detail.userIdentity.principalId"),
        *("eventBusInvocation", "ManagedBy", "source", "TargetArn"),
    ),
    "cloudwatch": ("namespace",),
    "sns": ("Endpoint", "Protocol"),
    "sts": ("ExternalId", "RoleSessionName", "SourceIdentity", "DurationSeconds"),
    "iam": ("PassedToService",),
}
_FAMILIES: Final = (
    "aws:principaltag/",
    "s3:requestobjecttag/",
)
_KNOWN: Final = frozenset(
    [f"aws:{key}".lower() for key in _GLOBAL] + [f"{service}:{key}".lower() for service, keys in _OF_SERVICE.items() for key in keys]
)


def known(key: str) -> bool:
    """Whether the key, in any letter case, is known."""
    low = key.lower()
    return low in _KNOWN or low.startswith(_FAMILIES)
