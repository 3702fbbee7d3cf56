"""Requests of any shape are done or refused; nothing else comes out, and nothing is stored by a refusal."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.api.aws.service import AwsError
from tests.unit.api.aws.dynamodb.rig import Rig, rig, typed

MEMBERS = (
    *("TableName", "Key", "Item", "Keys", "RequestItems", "TransactItems", "Get", "Put", "PutRequest", "IndexName", "Limit", "Select"),
    *("ConditionExpression", "UpdateExpression", "KeyConditionExpression", "FilterExpression", "ProjectionExpression"),
    *(
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "Expected",
        "KeyConditions",
        "ScanFilter",
        "AttributeUpdates",
        "AttributesToGet",
    ),
    *("ExclusiveStartKey", "Segment", "TotalSegments", "ReturnValues", "ReturnConsumedCapacity", "ClientRequestToken", "ConsistentRead"),
    *(
        "KeySchema",
        "AttributeDefinitions",
        "BillingMode",
        "GlobalSecondaryIndexes",
        "StreamSpecification",
        "TimeToLiveSpecification",
        "Tags",
    ),
    *(
        "ComparisonOperator",
        "AttributeValueList",
        "Value",
        "Exists",
        "Action",
        "ResourceArn",
        "TagKeys",
        "id",
        "plain",
        "carts",
        ":v",
        "#n",
        "S",
        "N",
        "L",
        "M",
    ),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=4),
    st.binary(max_size=3),
    st.sampled_from(["plain", "carts", "id = :v", "SET a = :v", "attribute_exists(id)", "#n", "EQ", "ALL_OLD", "\ud800", "1", ""]),
)
anything: Any = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4)),
    max_leaves=12,
)
LIKELY: dict[str, Any] = {
    "TableName": "plain",
    "Key": typed({"id": "a"}),
    "Item": typed({"id": "a"}),
    "ExpressionAttributeValues": {":v": {"S": "a"}},
    "KeyConditionExpression": "id = :v",
    "RequestItems": {"plain": {"Keys": [typed({"id": "a"})]}},
    "TransactItems": [{"Put": {"TableName": "plain", "Item": typed({"id": "a"})}}],
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_request_is_done_or_refused(house: Rig, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(sorted(set(house.service.operations) - {"DeleteTable"})))
    members = {name: value for name, value in LIKELY.items() if data.draw(st.booleans())}
    members |= data.draw(st.dictionaries(st.sampled_from(MEMBERS), anything, max_size=4))
    call = house.of(operation, "", **members)
    for need in house.service.operations[operation].needs(call):
        assert need.action.startswith("dynamodb:")
    try:
        await house.service.operations[operation].run(call)
    except AwsError as error:
        assert error.status == 400  # noqa: PT017 - either way is right


PUT = {"Put": {"TableName": "plain", "Item": typed({"id": "a"})}}
KEYS = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}
INDEX = {"IndexName": "by_id", "KeySchema": KEYS["KeySchema"], "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": 5}}


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("UntagResource", {"ResourceArn": "carts", "TagKeys": 5}),
        ("CreateTable", {**KEYS, "TableName": "made", "BillingMode": "PAY_PER_REQUEST", "GlobalSecondaryIndexes": [INDEX]}),
        ("Scan", {"TableName": "plain", "ScanFilter": {"a": {"ComparisonOperator": "EQ", "AttributeValueList": 5}}}),
        ("Scan", {"TableName": "plain", "ScanFilter": {"a": 5}}),
        ("Scan", {"TableName": "plain", "AttributesToGet": [5]}),
        ("Scan", {"TableName": "plain", "ConditionalOperator": "XOR", "ScanFilter": {"a": {"ComparisonOperator": "NULL"}}}),
        (
            "UpdateItem",
            {"TableName": "plain", "Key": typed({"id": "a"}), "AttributeUpdates": {"b": {"Action": ["PUT"], "Value": {"S": "x"}}}},
        ),
        ("GetItem", {"TableName": ["plain"], "Key": typed({"id": "a"})}),
        ("TransactWriteItems", {"TransactItems": [PUT], "ClientRequestToken": "x" * 37}),
        ("BatchGetItem", {"RequestItems": {"plain": {"Keys": [{"id": {"S": ["a"]}}]}}}),
        ("GetItem", {"TableName": "plain", "Key": typed({"id": "a"}), "ProjectionExpression": "#n", "ExpressionAttributeNames": {"#n": 5}}),
    ],
)
async def test_values_of_other_types_are_refused(house: Rig, operation: str, members: dict[str, Any]) -> None:
    assert (await house.refused(operation, **members))[0] in ("SerializationException", "ValidationException", "ResourceInUseException")


async def test_a_transaction_with_integers_of_any_size_is_remembered(house: Rig) -> None:
    for _ in range(2):
        await house.call("TransactWriteItems", TransactItems=[{"Put": {**PUT["Put"], "Extra": 2**70}}], ClientRequestToken="t")
