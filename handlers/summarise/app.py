"""A CSV file that arrives becomes a JSON summary: how many rows, and the sum and the range of each numeric column.

The event is S3's own. Objects are read and written as files under BUCKET_<NAME>; on AWS the two functions
at the bottom would be get_object and put_object."""

import csv
import json
import os
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import unquote_plus


def handler(event, context):
    written = []
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        summary = summarise(read(bucket, key))
        written.append(write("results", f"{key}.json", json.dumps({"file": key, **summary}, indent=2) + "\n"))
        print(f"{key}: {summary['rows']} rows, summary in {written[-1]}")
    return {"written": written}


def summarise(text):
    """Rows and, for each column whose every value is a number, its sum, least and greatest value."""
    table = csv.DictReader(text.splitlines())
    rows = list(table)
    columns = {}
    for name in table.fieldnames if rows else ():
        numbers = [number(row[name]) for row in rows]
        if None not in numbers:
            columns[name] = {"sum": float(sum(numbers)), "min": float(min(numbers)), "max": float(max(numbers))}
    return {"rows": len(rows), "columns": columns}


def number(text):
    """The number that *text* spells; None when it spells none."""
    try:
        value = Decimal((text or "").strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() and value.adjusted() < 300 else None  # JSON has no infinity


def directory(bucket):
    return Path(os.environ["BUCKET_" + bucket.upper().replace("-", "_").replace(".", "_")])


def read(bucket, key):
    return (directory(bucket) / key).read_text(encoding="utf-8-sig")


def write(bucket, key, text):
    """Whole or not at all: readers of the directory never see half a file."""
    path = directory(bucket) / key
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return f"{bucket}/{key}"
