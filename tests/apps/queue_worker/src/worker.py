"""Does one job after another; a job that fails does not take the others with it, and is tried again at once."""

import json
import os

import boto3

dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            job = json.loads(record["body"])
            item = {"id": {"S": job["id"]}, "result": {"N": str(100 / job["divisor"])}}
            dynamodb.put_item(TableName=os.environ["TABLE"], Item=item)
        except Exception as error:
            print("failed", record["messageId"], repr(error))
            sqs.change_message_visibility(QueueUrl=os.environ["QUEUE_URL"], ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
