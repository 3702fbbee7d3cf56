"""Books a payment and the account's balance in one transaction, under the key that the caller gave."""

import json
import os

import boto3

dynamodb = boto3.client("dynamodb")
PAYMENTS, ACCOUNTS = os.environ["PAYMENTS"], os.environ["ACCOUNTS"]


def answer(status, value):
    return {"statusCode": status, "body": json.dumps(value)}


def handler(event, context):
    account = event["pathParameters"]["account"]
    if event["requestContext"]["http"]["method"] == "GET":
        found = dynamodb.query(
            TableName=PAYMENTS,
            IndexName="by-account",
            KeyConditionExpression="account = :a",
            ExpressionAttributeValues={":a": {"S": account}},
        )
        return answer(200, sorted(int(item["amount"]["N"]) for item in found["Items"]))
    amount, key = json.loads(event["body"])["amount"], event["headers"]["idempotency-key"]
    payment = {"id": {"S": key}, "account": {"S": account}, "amount": {"N": str(amount)}}
    book = {
        "TableName": ACCOUNTS,
        "Key": {"id": {"S": account}},
        "UpdateExpression": "ADD spent :a",
        "ConditionExpression": "attribute_not_exists(spent) OR spent <= :most",
        "ExpressionAttributeValues": {":a": {"N": str(amount)}, ":most": {"N": str(100 - amount)}},
    }
    try:
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": PAYMENTS, "Item": payment, "ConditionExpression": "attribute_not_exists(id)"}},
                {"Update": book},
            ]
        )
    except dynamodb.exceptions.TransactionCanceledException as error:
        reasons = [reason["Code"] for reason in error.response["CancellationReasons"]]
        return answer(200, {"again": True}) if reasons[0] == "ConditionalCheckFailed" else answer(402, {"message": "not enough"})
    return answer(201, {"paid": amount})
