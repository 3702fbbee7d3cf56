"""CSV with a header in, a JSON list out, the report removed; what is no table goes to broken/."""

import csv
import io
import json
import os
from urllib.parse import unquote_plus

import boto3

s3 = boto3.resource("s3")


def handler(event, context):
    for record in event["Records"]:
        source = s3.Object(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))
        text = source.get()["Body"].read().decode()
        rows = list(csv.DictReader(io.StringIO(text), delimiter=os.environ["SEPARATOR"]))
        whole = rows and all(None not in row and None not in row.values() for row in rows)
        name = source.key.removeprefix("new/").removesuffix(".csv")
        target = s3.Object(source.bucket_name, f"json/{name}.json" if whole else f"broken/{name}.csv")
        target.put(Body=json.dumps(rows) if whole else text)
        source.delete()
