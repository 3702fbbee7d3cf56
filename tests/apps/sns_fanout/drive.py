"""Three notices for three sections."""

import json

from tests.apps.app import App


def drive(app: App) -> None:
    sns, ids = app.client("sns"), {}
    for section in ("sport", "culture", "weather"):
        attributes = {"section": {"DataType": "String", "StringValue": section}}
        answer = sns.publish(
            TopicArn="arn:aws:sns:us-east-1:123456789012:NewsTopic", Message=f"{section} news", Subject="new", MessageAttributes=attributes
        )
        ids[answer["MessageId"]] = f"{section} news"
    got = [json.loads(message["Body"]) for message in app.received("EverythingQueue", 3)]
    assert {one["MessageId"]: one["Message"] for one in got} == ids
    assert [message["Body"] for message in app.received("SportQueue")] == ["sport news"]
    dynamodb = app.client("dynamodb")
    rows = app.seen("two rows", lambda: len(found := dynamodb.scan(TableName="SeenTable")["Items"]) == 2 and found)
    assert sorted(row["text"]["S"] for row in rows) == ["culture news", "sport news"]
