"""Tables of a template. Pure.

Source: CloudFormation template reference, AWS::DynamoDB::Table and GlobalTable; SAM developer guide, AWS::Serverless::SimpleTable."""

from typing import Any, Final

from router.templates.draft import Draft, Item
from router.templates.props import Props
from router.templates.words import Refused, shown

_NAME: Final = r"[A-Za-z0-9_.-]{3,255}"
_TYPES: Final = {"String": "S", "Number": "N", "Binary": "B"}
_DISK: Final = "items lie in a SQLite database on this machine's disk; encrypt that"
_NO_LIMIT: Final = "there is no such limit"
_DIFFERENT: Final = {
    "SSESpecification": _DISK,
    "PointInTimeRecoverySpecification": "router backup copies the state directory",
    "ContributorInsightsSpecification": "metrics are at the console's /metrics",
    "TableClass": "there is one class",
    "MultiRegionConsistency": "there is one copy",
    "OnDemandThroughput": _NO_LIMIT,
    "ReadOnDemandThroughputSettings": _NO_LIMIT,
    "ReadProvisionedThroughputSettings": _NO_LIMIT,
    "WarmThroughput": _NO_LIMIT,
    "WriteOnDemandThroughputSettings": _NO_LIMIT,
    "WriteProvisionedThroughputSettings": _NO_LIMIT,
}


def simple(item: Item, draft: Draft) -> None:
    """AWS::Serverless::SimpleTable: one key."""
    props = draft.props(item)
    props.take("TableName")
    key = props.child("PrimaryKey")
    name, kind = ("id", "String") if key is None else (key.text("Name"), key.text("Type", "String"))
    if key is not None:
        key.done()
    if kind not in _TYPES:
        raise Refused(f"PrimaryKey.Type: {shown(kind)} is none of String, Number, Binary")
    value: dict[str, Any] = {"hash": _key(name, _TYPES[kind])}
    _capacity(props, value)
    if found := props.tags():
        value["tags"] = found
    props.done(_DIFFERENT)
    draft.add("tables", item, value, _NAME, "a table")


def table(item: Item, draft: Draft) -> None:
    """AWS::DynamoDB::Table."""
    props = draft.props(item)
    value = _shape(props)
    _capacity(props, value)
    _kept(props, value)
    props.done(_DIFFERENT)
    draft.add("tables", item, value, _NAME, "a table")


def global_table(item: Item, draft: Draft) -> None:
    """AWS::DynamoDB::GlobalTable: the replica of this region. CDK makes one of every TableV2."""
    props = draft.props(item)
    value = _shape(props)
    ours = draft.resolver.place.region
    replicas = {each.text("Region"): each for each in props.children("Replicas")}
    others = ", ".join(region for region in replicas if region != ours)
    if ours not in replicas:
        raise Refused(f"Replicas: none is of this region, {ours}; --region makes it another" + (f" ({others})" if others else ""))
    if others:
        item.note(f"Replicas: no copy is kept in {others}")
    _kept(replicas[ours], value)
    replicas[ours].take("GlobalSecondaryIndexes")  # of each how much may be read, and its insights
    replicas[ours].done(_DIFFERENT)
    props.done(_DIFFERENT)
    draft.add("tables", item, value, _NAME, "a table")


def _shape(props: Props) -> dict[str, Any]:
    """Keys, indexes, stream and time to live."""
    props.take("TableName")
    props.take("BillingMode")
    types = {}
    for each in props.children("AttributeDefinitions"):
        types[each.text("AttributeName")] = each.text("AttributeType")
        each.done()
    value = _keys(props, types)
    if indexes := _indexes(props, types):
        value["indexes"] = indexes
    stream, expiry = props.child("StreamSpecification"), props.child("TimeToLiveSpecification")
    if stream is not None:
        value["stream"] = stream.text("StreamViewType")
        stream.done()
    if expiry is not None:
        attribute = expiry.text("AttributeName", "")
        if expiry.truth("Enabled", default=True):
            value["ttl"] = attribute
        expiry.done()
    return value


def _kept(props: Props, value: dict[str, Any]) -> None:
    """What a table has itself and a global table has of each replica."""
    if props.truth("DeletionProtectionEnabled"):
        value["deletion_protection"] = True
    if found := props.tags():
        value["tags"] = found


def _keys(props: Props, types: dict[str, str]) -> dict[str, Any]:
    """`hash` and `range` of a KeySchema."""
    value: dict[str, Any] = {}
    for each in props.children("KeySchema"):
        name, role = each.text("AttributeName"), {"HASH": "hash", "RANGE": "range"}.get(each.text("KeyType"), "")
        each.done()
        if not role or role in value:
            raise Refused("a KeySchema has one HASH and one RANGE at most")
        if name not in types:
            raise Refused(f"attribute {shown(name)} of a key is not among AttributeDefinitions")
        value[role] = _key(name, types[name])
    if "hash" not in value:
        raise Refused("a KeySchema has a HASH")
    return value


def _key(name: str, kind: str) -> Any:
    return name if kind == "S" else {"name": name, "type": kind}


def _indexes(props: Props, types: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        for each in props.children(kind):
            name, value = each.text("IndexName"), _keys(each, types)
            if kind == "LocalSecondaryIndexes":
                del value["hash"]
            projection = each.child("Projection")
            shape = projection.text("ProjectionType", "ALL") if projection is not None else "ALL"
            included = projection.texts("NonKeyAttributes") if projection is not None else []
            if shape != "ALL":
                value["projection"] = {"include": included} if shape == "INCLUDE" else shape
            if projection is not None:
                projection.done()
            each.take("ProvisionedThroughput")
            each.done(_DIFFERENT)
            found[name] = value
    return found


def _capacity(props: Props, value: dict[str, Any]) -> None:
    """Units are told by DescribeTable and not enforced."""
    given = props.child("ProvisionedThroughput")
    if given is not None:
        read, write = given.whole("ReadCapacityUnits", 0), given.whole("WriteCapacityUnits", 0)
        given.done()
        if read and write:
            value["capacity"] = {"read": read, "write": write}
