"""Buckets, queues, buses, layers and log groups of a template. Pure.

Source: CloudFormation template reference, AWS::S3::Bucket, AWS::SQS::Queue, AWS::Events::EventBus, AWS::Lambda::LayerVersion."""

import posixpath
import re
from typing import Any, Final

from router.names import LOG_GROUP
from router.templates.draft import Draft, Item
from router.templates.kinds import fitted
from router.templates.notifications import notifications
from router.templates.props import Props
from router.templates.roles import statements_of
from router.templates.synthesized import asset
from router.templates.words import Code, Refused, shown

_BUCKET_NAME: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_QUEUE_NAME: Final = r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo"
_ARCHIVE_CHARS: Final = 48  # of an archive's name: EventBridge API reference, CreateArchive
_ACCOUNT: Final = re.compile(r"(?:arn:aws[a-z-]*:(?:iam|sts)::)?([0-9]{12})(?::|$)")  # of a principal
_NO_ACL: Final = "access is by policies alone"
_DISK: Final = "objects lie as files on this machine's disk"
_BUCKET_DIFFERENT: Final = {
    "AccelerateConfiguration": "there is nothing to accelerate",
    "AccessControl": _NO_ACL,
    "BucketEncryption": f"{_DISK}; encrypt that",
    "CorsConfiguration": "the endpoint lets every origin in, whatever the rules say: a signature counts, not an origin",
    "IntelligentTieringConfigurations": _DISK,
    "InventoryConfigurations": "no inventories are written",
    "LifecycleConfiguration": "nothing expires by itself; a scheduled function can remove what is old",
    "LoggingConfiguration": "no access logs are written",
    "MetricsConfigurations": "metrics are at the console's /metrics",
    "AnalyticsConfigurations": "metrics are at the console's /metrics",
    "OwnershipControls": _NO_ACL,
    "PublicAccessBlockConfiguration": "nothing is public: every request is signed",
    "WebsiteConfiguration": "no website is served from a bucket; let a web server serve its directory",
}
_QUEUE_DIFFERENT: Final = {
    "KmsMasterKeyId": "messages lie in the journal on this machine's disk; encrypt that",
    "KmsDataKeyReusePeriodSeconds": "messages lie in the journal on this machine's disk; encrypt that",
    "SqsManagedSseEnabled": "messages lie in the journal on this machine's disk; encrypt that",
    "FifoThroughputLimit": "there is no such limit",
}


def bucket(item: Item, draft: Draft) -> None:
    """A directory beside the config."""
    props = draft.props(item)
    props.take("BucketName")
    path = posixpath.join(draft.data, item.name)
    notification = props.child("NotificationConfiguration")
    value: dict[str, Any] = {"path": path}
    versioning = props.child("VersioningConfiguration")
    if versioning is not None and versioning.text("Status", "Suspended") == "Enabled":
        item.note("VersioningConfiguration: only the newest version of an object is kept")
    if props.child("ObjectLockConfiguration") or props.truth("ObjectLockEnabled"):
        raise Refused("object lock is not supported: whoever may write to the directory may change a file")
    if props.child("ReplicationConfiguration"):
        raise Refused("replication is not supported")
    props.done(_BUCKET_DIFFERENT)
    if notification is not None:
        notifications(notification, item, draft, value)
    draft.add("buckets", item, value if len(value) > 1 else path, _BUCKET_NAME, "a bucket")


def queue(item: Item, draft: Draft) -> None:
    """A queue of the daemon's own."""
    props = draft.props(item)
    props.take("QueueName")
    fifo = props.truth("FifoQueue")
    if fifo != item.name.endswith(".fifo"):
        raise Refused(f"the name of a FIFO queue, and of no other, ends with .fifo; this one is {shown(item.name)}")
    names = {
        "VisibilityTimeout": "visibility_timeout",
        "DelaySeconds": "delay",
        "MessageRetentionPeriod": "retention",
        "MaximumMessageSize": "max_message_size",
        "ReceiveMessageWaitTimeSeconds": "receive_wait",
    }
    value: dict[str, Any] = {ours: number for theirs, ours in names.items() if (number := props.whole(theirs)) is not None}
    if props.truth("ContentBasedDeduplication"):
        value["content_based_deduplication"] = True
    if props.text("DeduplicationScope", "queue") == "messageGroup":
        value["deduplication_scope"] = "messageGroup"
    redrive = props.json("RedrivePolicy")
    if redrive is not None:
        value["redrive"] = _redrive(Props(redrive, "RedrivePolicy", item.note))
    allow = props.json("RedriveAllowPolicy")
    if allow is not None and (who := _redrive_allow(Props(allow, "RedriveAllowPolicy", item.note))) != "all":
        value["redrive_allow"] = who
    if found := props.tags():
        value["tags"] = found
    props.done(_QUEUE_DIFFERENT)
    draft.add("queues", item, value, _QUEUE_NAME, "a queue")


def _redrive(props: Props) -> dict[str, Any]:
    value = {"queue": props.text("deadLetterTargetArn").rpartition(":")[2], "max_receive_count": props.whole("maxReceiveCount", 10)}
    props.done()
    return value


def _redrive_allow(props: Props) -> Any:
    who = props.text("redrivePermission", "allowAll")
    arns = props.texts("sourceQueueArns")
    props.done()
    return {"allowAll": "all", "denyAll": "none"}.get(who) or [arn.rpartition(":")[2] for arn in arns]


def queue_policy(item: Item, draft: Draft) -> None:
    """AWS::SQS::QueuePolicy: the policy of each queue that it names."""
    _resource_policy(item, draft, "queues", "Queues", "queue")


def topic_policy(item: Item, draft: Draft) -> None:
    """AWS::SNS::TopicPolicy: the policy of each topic that it names."""
    _resource_policy(item, draft, "topics", "Topics", "topic")


def bus_policy(item: Item, draft: Draft) -> None:
    """AWS::Events::EventBusPolicy: one statement more in the policy of a bus."""
    props = draft.props(item)
    name = draft.bus(props.take("EventBusName"))
    statement = props.json("Statement")
    if not isinstance(statement, dict):
        raise Refused("write the policy as a Statement; Action and Principal alone are not supported")
    sid = props.text("StatementId", item.logical)
    props.done()
    _extend(item, draft.sections["buses"].setdefault(name, {}), [{"Sid": sid, **statement}], draft)
    item.becomes = f"buses.{name}.policy"


def _resource_policy(item: Item, draft: Draft, section: str, key: str, what: str) -> None:
    props = draft.props(item)
    statements = statements_of(props.json("PolicyDocument"))
    names = [named.rpartition("/")[2].rpartition(":")[2] for named in props.texts(key)]
    props.done()
    for name in names:
        if name not in draft.sections[section]:
            raise Refused(f"{what} {shown(name)} is not here")
        _extend(item, draft.sections[section][name], statements, draft)
    item.becomes = ", ".join(f"{section}.{name}.policy" for name in names)


def _extend(item: Item, owner: dict[str, Any], statements: list[dict[str, Any]], draft: Draft) -> None:
    """Add statements to a policy, in which a Sid stands once."""
    policy = owner.get("policy", [])
    for each in filter(None, (_within(item, one, draft.resolver.place.account) for one in statements)):
        taken = "Sid" in each and any(other.get("Sid") == each["Sid"] for other in policy)
        if taken:
            item.note(f"Sid {shown(each['Sid'])}: another statement has it already; this one has none")
        policy.append({key: value for key, value in each.items() if key != "Sid" or not taken})
    if policy:
        owner["policy"] = policy


def _within(item: Item, statement: dict[str, Any], account: str) -> dict[str, Any] | None:
    """A statement without the other accounts that it lets in; None: it lets in no others."""
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) and statement.get("Effect") == "Allow" else None
    listed = named if isinstance(named, list) else [named]
    others = [one for one in listed if isinstance(one, str) and (found := _ACCOUNT.match(one)) and found[1] != account]
    if not others:
        return statement
    item.note(f"{', '.join(map(shown, others[:3]))}: another account than {account}; nothing reaches across accounts here")
    rest = {key: value for key, value in principal.items() if key != "AWS"} if isinstance(principal, dict) else {}
    if own := [one for one in listed if one not in others]:
        rest["AWS"] = own
    return {**statement, "Principal": rest} if rest else None


def bus(item: Item, draft: Draft) -> None:
    """An event bus."""
    props = draft.props(item)
    props.take("Name")
    if "EventSourceName" in props:
        raise Refused("partners' event sources are not here")
    value: dict[str, Any] = {}
    if found := props.tags():
        value["tags"] = found
    if "Description" in props:
        value["description"] = props.text("Description")
    if policy := props.json("Policy"):
        value["policy"] = statements_of(policy)
    different = {"KmsKeyIdentifier": "events lie in the journal on this machine's disk; encrypt that", "LogConfig": "see router logs"}
    props.done(different | {"DeadLetterConfig": "it gets nothing: it is for events that cannot be encrypted with a key of KMS"})
    draft.add("buses", item, value, r"[A-Za-z0-9._-]{1,256}", "an event bus")


def archive(item: Item, draft: Draft) -> None:
    """AWS::Events::Archive: what its bus keeps."""
    props = draft.props(item)
    name = draft.bus(props.text("SourceArn"))
    days = props.whole("RetentionDays", 0)
    pattern = props.json("EventPattern")
    props.take("ArchiveName")
    value: dict[str, Any] = {"retention": f"{days}d" if days else "forever", "name": fitted(item.name, _ARCHIVE_CHARS)}
    if pattern:
        value["pattern"] = pattern
    if "Description" in props:
        value["description"] = props.text("Description")
    props.done({"KmsKeyIdentifier": "events lie in the journal on this machine's disk; encrypt that"})
    found = draft.sections["buses"].setdefault(name, {})
    if "archive" in found:
        raise Refused(f"bus {name} has an archive already")
    found["archive"] = value
    item.becomes = f"buses.{name}.archive"


def layer(item: Item, draft: Draft) -> None:
    """A layer: the directory or .zip that its functions name."""
    props = draft.props(item)
    key = "ContentUri" if item.type.startswith("AWS::Serverless") else "Content"
    content = props.take(key)
    path = draft.path(local_path(asset(item.raw, key) or content, key))
    for key in ("LayerName", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo", "RetentionPolicy", "PublishLambdaVersion"):
        props.take(key)
    props.done()
    draft.codes.append(Code(item.logical, path, layer=True, built=build_method(item)))
    draft.layers[str(draft.resolver.ref(item.logical)).rpartition(":")[0]] = path
    item.becomes = path


def build_method(item: Item) -> str:
    """How `sam build` makes the code of a resource; "" when nothing says so, and where it has: it names what it has built."""
    metadata = item.raw.get("Metadata")
    if not isinstance(metadata, dict) or "SamResourceId" in metadata:
        return ""
    return str(metadata.get("BuildMethod", ""))


def local_path(value: Any, key: str) -> str:
    """A directory or .zip on this machine. Raises Refused for what is in S3 or in an image."""
    if isinstance(value, dict):
        raise Refused(f"{key} is in S3; write the directory or .zip it was made of (sam build writes such a template)")
    if not isinstance(value, str) or not value:
        raise Refused(f"{key}: a directory or .zip is required")
    if "://" in value:
        raise Refused(f"{key}: {shown(value)} is not on this machine; write the directory or .zip it was made of")
    return value


def log_policy(item: Item, draft: Draft) -> None:
    """AWS::Logs::ResourcePolicy: rules write to their log groups without one."""
    props = draft.props(item)
    props.take("PolicyName")
    statements = statements_of(props.json("PolicyDocument"))
    props.done()
    if any(each.get("Effect") != "Allow" for each in statements):
        raise Refused("log groups have no policies of their own here, and so deny nothing; who may write to them is said by roles and keys")
    principals = [each.get("Principal") for each in statements]
    if not all(isinstance(each, dict) and set(each) == {"Service"} for each in principals):
        item.note("is not asked: who writes to a log group needs a role that allows it")


def log_group(item: Item, draft: Draft) -> None:
    """AWS::Logs::LogGroup."""
    props = draft.props(item)
    props.take("LogGroupName")
    days = props.whole("RetentionInDays")
    different = {"KmsKeyId": "logs are files on this machine's disk; encrypt that", "LogGroupClass": "there is one class"}
    props.done(different | {"DataProtectionPolicy": "nothing is masked"})
    draft.add("log_groups", item, {} if days is None else {"retention": f"{days}d"}, LOG_GROUP, "a log group")
