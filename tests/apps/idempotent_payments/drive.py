"""A payment, the same again, and one too many."""

from tests.apps.app import App


def drive(app: App) -> None:
    def pay(key: str, amount: int) -> int:
        return app.http("POST", "/accounts/ada/payments", {"amount": amount}, {"idempotency-key": key}).status

    assert [pay("one", 60), pay("one", 60), pay("two", 30), pay("three", 50)] == [201, 200, 201, 402]
    assert app.http("GET", "/accounts/ada/payments").json == [30, 60]
    row = app.client("dynamodb").get_item(TableName="AccountsTable", Key={"id": {"S": "ada"}})["Item"]
    assert row["spent"] == {"N": "90"}
