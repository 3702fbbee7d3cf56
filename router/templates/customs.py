"""What CDK adds to buckets and log groups by custom resources, and policies of buckets. Pure.

Source: aws-cdk-lib 2, aws-s3 (NotificationsResource, autoDeleteObjects, enforceSSL), aws-logs (LogRetention)."""

from typing import Any, Final

from router.names import LOG_GROUP
from router.templates.draft import Draft, Item
from router.templates.notifications import API, notifications
from router.templates.roles import statements_of
from router.templates.words import Refused

_INSECURE: Final = {"Bool": {"aws:SecureTransport": "false"}}
_LOGGING: Final = {"Service": "logging.s3.amazonaws.com"}
_OLD: Final = ["NumericLessThan"]  # of s3:TlsVersion
_PLAIN: Final = "a statement denies requests without TLS: requests do not say here how they came, so it denies none"


def bucket_notifications(item: Item, draft: Draft) -> None:
    """Custom::S3BucketNotifications: what a bucket tells of, in the API's words."""
    props = draft.props(item)
    name = draft.bucket(props.text("BucketName"))
    for key in ("ServiceToken", "Managed", "SkipDestinationValidation"):
        props.take(key)
    told = props.child("NotificationConfiguration")
    props.done()
    value: dict[str, Any] = {}
    if told is not None:
        notifications(told, Item(item.logical, item.type, name, item.raw, item.line), draft, value, API)
    if value:
        bucket = draft.sections["buckets"][name]
        draft.sections["buckets"][name] = ({"path": bucket} if isinstance(bucket, str) else bucket) | value
    item.becomes = f"buckets.{name}"


def emptied(item: Item, draft: Draft) -> None:
    """Custom::S3AutoDeleteObjects: a bucket whose objects go when its stack goes."""
    props = draft.props(item)
    draft.bucket(props.text("BucketName"))
    props.take("ServiceToken")
    props.done()
    item.note("a directory stays, with all that is in it, when its bucket is not in the template any more")


def log_retention(item: Item, draft: Draft) -> None:
    """Custom::LogRetention: how long a function's logs are kept."""
    props = draft.props(item)
    for key in ("ServiceToken", "LogGroupRegion", "SdkRetry", "RemovalPolicy"):
        props.take(key)
    group = Item(item.logical, item.type, props.text("LogGroupName"), item.raw, item.line)
    days = props.whole("RetentionInDays")
    props.done()
    draft.add("log_groups", group, {} if days is None else {"retention": f"{days}d"}, LOG_GROUP, "a log group")
    item.becomes = group.becomes


def log_policy(item: Item, draft: Draft) -> None:
    """Custom::CloudwatchLogResourcePolicy and AWS::Logs::ResourcePolicy, which let rules write to log groups: here they may anyway."""
    draft.props(item)
    item.becomes = "nothing: rules write to log groups without"


def bucket_policy(item: Item, draft: Draft) -> None:
    """AWS::S3::BucketPolicy: buckets have no policies here. Raises Refused unless nothing would be denied or allowed by this one."""
    props = draft.props(item)
    draft.bucket(props.text("Bucket"))
    for statement in statements_of(props.take("PolicyDocument")):
        if statement.get("Effect") == "Deny" and _of_transport(statement.get("Condition")):
            item.note(_PLAIN)
        elif statement.get("Effect") == "Allow" and statement.get("Principal") == _LOGGING:
            item.note("no access logs are written")
        elif not _of_helpers(statement.get("Principal"), draft):
            raise Refused("buckets have no policies of their own here; who may do what is said by roles and keys")
    props.done()


def _of_transport(condition: Any) -> bool:
    """Whether a condition is about how requests come, and about nothing else."""
    if condition == _INSECURE:
        return True
    return isinstance(condition, dict) and list(condition) == _OLD and list(condition[_OLD[0]] or ()) == ["s3:TlsVersion"]


def _of_helpers(principal: Any, draft: Draft) -> bool:
    """Whether a statement is about roles alone that are not created."""
    named = principal.get("AWS") if isinstance(principal, dict) and list(principal) == ["AWS"] else None
    listed = named if isinstance(named, list) and named else [named]
    return all(isinstance(one, str) and one in draft.idle for one in listed)
