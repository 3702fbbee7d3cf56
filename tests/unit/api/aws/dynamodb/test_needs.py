"""What DynamoDB's operations need, and fine-grained access by it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.iam.evaluation import Policies, Request, evaluate
from router.iam.reading import read
from tests.unit.api.aws.dynamodb.rig import CALLER, Rig, rig, typed

CARTS = "arn:aws:dynamodb:eu-west-1:123456789012:table/carts"
PLAIN = "arn:aws:dynamodb:eu-west-1:123456789012:table/plain"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


async def test_each_operation_needs_its_action_on_its_table(house: Rig) -> None:
    for operation in (
        "GetItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "Query",
        "Scan",
        "DescribeTable",
        "DeleteTable",
        "CreateTable",
        "UpdateTimeToLive",
    ):
        (need,) = house.needs(operation, "carts")
        assert (need.action, need.resource) == (f"dynamodb:{operation}", CARTS)
    for operation in ("ListTables", "DescribeLimits", "DescribeEndpoints"):
        (need,) = house.needs(operation)
        assert need.resource == "*"
    (need,) = house.needs("Query", "carts", IndexName="by_user")
    assert need.resource == f"{CARTS}/index/by_user"
    (need,) = house.needs("TagResource", ResourceArn=CARTS)
    assert need.resource == CARTS
    assert [need.action for need in house.needs("CreateTable", "made", Tags=[{"Key": "a"}])] == [
        "dynamodb:CreateTable",
        "dynamodb:TagResource",
    ]


async def test_leading_keys_and_attributes_are_told(house: Rig) -> None:
    (need,) = house.needs(
        "UpdateItem",
        "carts",
        Key=typed({"id": "ann", "at": 1}),
        UpdateExpression="SET #p = if_not_exists(q, :v) REMOVE r.s",
        ConditionExpression="attribute_exists(t) AND size(u) > :v",
        ExpressionAttributeNames={"#p": "p"},
        ExpressionAttributeValues={":v": {"N": "1"}},
        ReturnValues="ALL_NEW",
    )
    assert need.context == {
        "dynamodb:leadingkeys": ("ann",),
        "dynamodb:attributes": ["at", "id", "p", "q", "r", "t", "u"],
        "dynamodb:returnvalues": ("ALL_NEW",),
    }
    (need,) = house.needs(
        "Query",
        "carts",
        IndexName="by_user",
        KeyConditionExpression="#u = :u",
        ExpressionAttributeNames={"#u": "user"},
        ExpressionAttributeValues={":u": {"S": "ann"}},
        ProjectionExpression="price, id",
    )
    assert need.context["dynamodb:leadingkeys"] == ("ann",)
    assert need.context["dynamodb:attributes"] == ["id", "price", "user"]
    assert need.context["dynamodb:select"] == ("SPECIFIC_ATTRIBUTES",)


async def test_an_item_that_is_put_tells_its_key_and_its_attributes(house: Rig) -> None:
    """Also within a transaction: else who may write under one leading key could write under all."""
    item = typed({"id": "ann", "at": 1, "price": 2})
    (need,) = house.needs("PutItem", "carts", Item=item)
    (part,) = house.needs("TransactWriteItems", TransactItems=[{"Put": {"TableName": "carts", "Item": item}}])
    for one in (need, part):
        assert one.context["dynamodb:leadingkeys"] == ("ann",)
        assert one.context["dynamodb:attributes"] == ["at", "id", "price"]


@pytest.mark.parametrize("said", [{"AttributesToGet": ["price"]}, {"ProjectionExpression": "price"}])
async def test_what_is_selected_is_told_in_the_old_words_too(house: Rig, said: dict[str, Any]) -> None:
    (need,) = house.needs("GetItem", "carts", Key=typed({"id": "ann", "at": 1}), **said)
    assert need.context["dynamodb:select"] == ("SPECIFIC_ATTRIBUTES",)
    assert need.context["dynamodb:attributes"] == ["at", "id", "price"]
    (need,) = house.needs("Scan", "carts", **said)
    assert need.context["dynamodb:select"] == ("SPECIFIC_ATTRIBUTES",)
    assert need.context["dynamodb:attributes"] == ["price"]
    (need,) = house.needs("Scan", "carts")
    assert need.context["dynamodb:select"] == ("ALL_ATTRIBUTES",)


async def test_batches_and_transactions_need_each_of_their_parts(house: Rig) -> None:
    needs = house.needs(
        "BatchWriteItem",
        RequestItems={
            "carts": [
                {"PutRequest": {"Item": typed({"id": "a", "at": 1, "x": 1})}},
                {"DeleteRequest": {"Key": typed({"id": "b", "at": 1})}},
            ],
            PLAIN: [{"PutRequest": {"Item": typed({"id": "c"})}}],
        },
    )
    assert [(need.action, need.resource, need.context["dynamodb:leadingkeys"]) for need in needs] == [
        ("dynamodb:BatchWriteItem", CARTS, ["a", "b"]),
        ("dynamodb:BatchWriteItem", PLAIN, ["c"]),
    ]
    items = [
        {"Put": {"TableName": "plain", "Item": typed({"id": "a"})}},
        {"ConditionCheck": {"TableName": "carts", "Key": typed({"id": "b", "at": 1}), "ConditionExpression": "attribute_exists(id)"}},
    ]
    needs = house.needs("TransactWriteItems", TransactItems=items)
    assert [(need.action, need.resource, need.context["dynamodb:enclosingoperation"]) for need in needs] == [
        ("dynamodb:PutItem", PLAIN, ("TransactWriteItems",)),
        ("dynamodb:ConditionCheckItem", CARTS, ("TransactWriteItems",)),
    ]


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"TableName": 5},
        {"TableName": "x"},
        {"Key": []},
        {"Key": {"id": "a"}},
        {"Key": {"id": {}}},
        {"UpdateExpression": "SET"},
        {"RequestItems": []},
        {"RequestItems": {"carts": None}},
        {"TransactItems": [{"Put": None}, {"X": 1}]},
    ],
)
async def test_what_cannot_be_read_still_needs_something(house: Rig, members: dict[str, Any]) -> None:
    for operation in house.service.operations:
        given = {"TableName": "carts", **members}
        for need in house.service.operations[operation].needs(house.of(operation, "", **given)):
            assert need.action.startswith("dynamodb:")


POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": CARTS,
            "Condition": {
                "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"], "dynamodb:Attributes": ["id", "at", "price"]},
                "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
            },
        }
    ],
}


@pytest.mark.parametrize(
    ("key", "projection", "allowed"),
    [("ann", "price", True), ("bob", "price", False), ("ann", "price, secret", False), ("ann", None, False)],
)
async def test_a_policy_may_open_some_items_and_some_attributes(house: Rig, key: str, projection: str | None, allowed: bool) -> None:
    more = {"ProjectionExpression": projection} if projection else {}
    (need,) = house.needs("GetItem", "carts", Key=typed({"id": key, "at": 1}), **more)
    policies = Policies((read(POLICY, name="p", kind="identity"),))
    decision = evaluate(Request(need.action, need.resource, CALLER.principal, need.context), policies)
    assert decision.allowed is allowed
