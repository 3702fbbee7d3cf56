"""Ten jobs, one of which cannot be done."""

import json

from tests.apps.app import App


def drive(app: App) -> None:
    sqs, dynamodb = app.client("sqs"), app.client("dynamodb")
    url = sqs.get_queue_url(QueueName="JobsQueue")["QueueUrl"]
    entries = [{"Id": str(n), "MessageBody": json.dumps({"id": f"job-{n}", "divisor": n})} for n in range(10)]
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 10
    rows = app.seen("nine rows", lambda: len(found := dynamodb.scan(TableName="DoneTable")["Items"]) == 9 and found)
    assert {row["id"]["S"]: float(row["result"]["N"]) for row in rows}["job-4"] == 25.0
    (dead,) = app.received("JobsDeadQueue")
    assert json.loads(dead["Body"]) == {"id": "job-0", "divisor": 0}
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"] == {
        "ApproximateNumberOfMessages": "0"
    }
