"""A report that can be read, and one that cannot."""

import json

from tests.apps.app import App

BUCKET = "reports-123456789012"


def drive(app: App) -> None:
    s3 = app.client("s3")
    s3.put_object(Bucket=BUCKET, Key="new/sales.csv", Body=b"item;price\ntea;2.5\nmilk;1.2\n")
    s3.put_object(Bucket=BUCKET, Key="new/odd.csv", Body=b"item;price\ntea\n")
    assert json.loads(app.object(BUCKET, "json/sales.json")["Body"].read()) == [
        {"item": "tea", "price": "2.5"},
        {"item": "milk", "price": "1.2"},
    ]
    assert app.object(BUCKET, "broken/odd.csv")["Body"].read() == b"item;price\ntea\n"
    app.seen("the reports to be removed", lambda: "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="new/"))
