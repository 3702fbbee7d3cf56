"""Tables of a template."""

from fnmatch import fnmatchcase
from typing import Any

from router.templates.words import DIFFERS, REFUSED, RUNS
from tests.unit.templates.test_translate import function, notes, template, triggers, verdicts

KEYS = {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "kind")],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [
        {"IndexName": "by-kind", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
}
HERE: dict[str, Any] = {"Region": {"Ref": "AWS::Region"}, "DeletionProtectionEnabled": True, "Tags": [{"Key": "a", "Value": "b"}]}


def orders(*replicas: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"Type": "AWS::DynamoDB::GlobalTable", "Properties": {**KEYS, "Replicas": list(replicas), **rest}}


def test_a_global_table_is_its_replica_of_this_region() -> None:
    stream = {"Type": "DynamoDB", "Properties": {"Stream": {"Fn::GetAtt": ["Orders", "StreamArn"]}, "StartingPosition": "LATEST"}}
    found = template({"Orders": orders(HERE), "Fn": function(Events={"S": stream}, Environment={"Variables": {"T": {"Ref": "Orders"}}})})
    assert found.config["tables"]["Orders"] == {
        "hash": "id",
        "indexes": {"by-kind": {"hash": "kind"}},
        "stream": "NEW_IMAGE",
        "deletion_protection": True,
        "tags": {"a": "b"},
    }
    assert verdicts(found) == {"Orders": RUNS, "Fn": RUNS, "Fn.S": RUNS}
    assert found.config["functions"]["Fn"]["environment"] == {"T": "Orders"}
    assert triggers(found) == [{"table": {"name": "Orders", "starting_position": "LATEST"}}]


def test_its_other_replicas_and_limits_are_told() -> None:
    limit = {"ReadCapacityAutoScalingSettings": {"MinCapacity": 1, "MaxCapacity": 2}}
    found = template({"Orders": orders({**HERE, "ReadProvisionedThroughputSettings": limit}, {"Region": "eu-west-1"})})
    assert verdicts(found) == {"Orders": DIFFERS}
    assert notes(found, "Orders") == (
        "Replicas: no copy is kept in eu-west-1 Replicas[0].ReadProvisionedThroughputSettings: there is no such limit"
    )


def test_one_of_other_regions_alone_is_refused() -> None:
    found = template({"Orders": orders({"Region": "eu-west-1"})})
    assert verdicts(found) == {"Orders": REFUSED}
    assert notes(found, "Orders") == "Replicas: none is of this region, us-east-1; --region makes it another (eu-west-1)"


def test_a_role_that_names_a_table_s_stream_may_read_it() -> None:
    """The stream's label is not known before the table is made."""
    allowed = {"Effect": "Allow", "Action": "dynamodb:GetRecords", "Resource": {"Fn::GetAtt": ["Orders", "StreamArn"]}}
    found = template({"Orders": orders(HERE), "Fn": function(Policies=[{"Statement": [allowed]}])})
    resource = found.config["roles"]["FnRole"]["policy"][-1]["Resource"]
    assert fnmatchcase("arn:aws:dynamodb:us-east-1:123456789012:table/Orders/stream/2026-01-01T00:00:00.000", resource)
