"""An order that goes well, one that is slow and one that goes wrong."""

import json

from tests.apps.app import App


def drive(app: App) -> None:
    functions, group = app.client("lambda"), "/aws/lambda/CheckoutFunction"
    for order in (
        {"order": 1, "amount": 5, "seconds": 1},
        {"order": 2, "amount": 5, "seconds": 7},
        {"order": 3, "amount": -1, "seconds": 1},
    ):
        functions.invoke(FunctionName="CheckoutFunction", Payload=json.dumps(order))
    rows = {row["filter"]: row for row in (json.loads(message["Body"]) for message in app.received("AlarmQueue", 2))}
    slow = rows.pop("slow")
    assert slow == {
        "filter": "slow",
        "group": group,
        "message": "took 7 seconds",
        "fields": {"word": "took", "seconds": "7", "unit": "seconds"},
    }
    (wrong,) = rows.values()
    assert (wrong["group"], wrong["fields"]) == (group, None)
    assert "amount -1 of order 3" in wrong["message"]
    told = {
        one["filterName"]: one["filterPattern"]
        for one in app.client("logs").describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    }
    assert told.pop("slow") == "[word = took, seconds > 2, unit]"
    assert list(told.values()) == ["?ERROR ?Traceback"]
