"""Seven changes of each of two accounts, one of them sent twice."""

import json

from tests.apps.app import App


def drive(app: App) -> None:
    sqs, dynamodb = app.client("sqs"), app.client("dynamodb")
    url = sqs.get_queue_url(QueueName="BookingsQueue.fifo")["QueueUrl"]
    for number in (1, 2, 2, 3, 4, 5, 6, 7):
        for account, sign in (("ada", 1), ("grace", -1)):
            body = json.dumps({"account": account, "n": number, "amount": sign * number})
            sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=account)

    def balances() -> dict[str, tuple[str, str]] | None:
        rows = dynamodb.scan(TableName="AccountsTable")["Items"]
        found = {row["account"]["S"]: (row["number"]["N"], row["balance"]["N"]) for row in rows}
        return found if len(found) == 2 and all(number == "7" for number, _ in found.values()) else None

    assert app.seen("both accounts at their last number", balances) == {"ada": ("7", "28"), "grace": ("7", "-28")}
