"""A page, and addresses to which one file may be put for five minutes."""

import json
import os
import uuid

import boto3

s3 = boto3.client("s3")
PAGE = "<!doctype html><input type=file onchange='upload(this.files[0])'><script src=upload.js></script>"


def handler(event, context):
    if event["routeKey"] == "GET /":
        return {"statusCode": 200, "headers": {"content-type": "text/html"}, "body": PAGE}
    key = f"{uuid.uuid4()}.txt"
    parameters = {"Bucket": os.environ["UPLOADS"], "Key": key, "ContentType": "text/plain"}
    url = s3.generate_presigned_url("put_object", Params=parameters, ExpiresIn=300)
    form = s3.generate_presigned_post(
        os.environ["UPLOADS"], "form/${filename}", Conditions=[["starts-with", "$key", "form/"]], ExpiresIn=300
    )
    return {"statusCode": 200, "body": json.dumps({"key": key, "url": url, "form": form})}
