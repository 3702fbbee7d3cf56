"""Orders are made and paid; what is already paid changes once more."""

from tests.apps.app import App


def drive(app: App) -> None:
    orders = app.client("dynamodb")
    for number in (1, 2):
        item = {"customer": {"S": "ada"}, "number": {"N": str(number)}, "state": {"S": "new"}, "total": {"N": "12.5"}}
        orders.put_item(TableName="OrdersTable", Item=item)

    def set_state(number: int, state: str) -> None:
        orders.update_item(
            TableName="OrdersTable",
            Key={"customer": {"S": "ada"}, "number": {"N": str(number)}},
            UpdateExpression="SET #s = :s ADD changes :one",
            ExpressionAttributeNames={"#s": "state"},
            ExpressionAttributeValues={":s": {"S": state}, ":one": {"N": "1"}},
        )

    set_state(1, "packed")
    set_state(2, "paid")
    assert app.object("invoices-bucket", "ada/2.txt")["Body"].read() == b"ada owes 12.5 for 2"
    set_state(2, "paid")
    set_state(1, "paid")
    assert app.object("invoices-bucket", "ada/1.txt")["Body"].read() == b"ada owes 12.5 for 1"
    listed = app.client("s3").list_objects_v2(Bucket="invoices-bucket")["Contents"]
    assert [one["Key"] for one in listed] == ["ada/1.txt", "ada/2.txt"]
    found = app.client("s3").list_objects_v2(Bucket="invoices-bucket", Prefix="ada/2")["Contents"]
    assert len(found) == 1
