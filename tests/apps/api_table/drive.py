"""Items are put, listed, got and deleted; the table has them."""

from tests.apps.app import App


def drive(app: App) -> None:
    assert app.http("GET", "/items").json == []
    assert app.http("PUT", "/Prod/items/tea", {"price": 2.5, "tags": ["hot"]}).json == {"id": "tea", "price": 2.5, "tags": ["hot"]}
    assert app.http("PUT", "/items/milk", {"price": 1}).status == 200
    assert [item["id"] for item in app.http("GET", "/items").json] == ["milk", "tea"]
    assert app.http("GET", "/items/tea").json["price"] == 2.5
    row = app.client("dynamodb").get_item(TableName="ItemsTable", Key={"id": {"S": "tea"}})["Item"]
    assert row == {"id": {"S": "tea"}, "price": {"N": "2.5"}, "tags": {"L": [{"S": "hot"}]}}
    assert app.http("DELETE", "/items/tea").status == 204
    assert app.http("DELETE", "/items/tea").status == 404
    assert app.http("GET", "/items/tea").status == 404
