"""Three orders, of which one is shipped; all are audited."""

import json

from tests.apps.app import App


def drive(app: App) -> None:
    for order in (
        {"id": 1, "total": 80, "country": "DE"},
        {"id": 2, "total": 20, "country": "DE"},
        {"id": 3, "total": 90, "country": "AQ"},
    ):
        assert app.http("POST", "/orders", order).status == 202
    assert [json.loads(message["Body"]) for message in app.received("AuditQueue", 3)] == ["placed"] * 3
    assert [json.loads(message["Body"]) for message in app.received("ShippingQueue")] == [{"ship": 1, "to": "DE"}]
