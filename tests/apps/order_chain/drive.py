"""An order that can be paid, and one that cannot."""

import json

from tests.apps.app import App

OPTIONS = ("--stack-name", "store")


def drive(app: App) -> None:
    orders = ({"id": "a", "total": 50}, {"id": "b", "total": 500})
    entries = [{"EventBusName": "store-orders", "Source": "web", "DetailType": "placed", "Detail": json.dumps(order)} for order in orders]
    assert app.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0
    dynamodb = app.client("dynamodb")

    def settled() -> dict[str, str] | None:
        rows = dynamodb.scan(TableName="OrdersTable")["Items"]
        found = {row["id"]["S"]: row["state"]["S"] for row in rows if "state" in row}
        return found if len(found) == 2 else None

    assert app.seen("both orders settled", settled) == {"a": "charged", "b": "declined"}
    row = dynamodb.get_item(TableName="OrdersTable", Key={"id": {"S": "a"}})["Item"]
    assert [step["S"] for step in row["history"]["L"]] == ["reserved", "charged"]
