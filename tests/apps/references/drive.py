"""What the references came to."""

import json

from tests.apps.app import App

OPTIONS = ("--stack-name", "web")


def drive(app: App) -> None:
    assert app.invoke("Teller", {}) == {
        "TOLD_QUEUE_ARN": "arn:aws:sqs:us-east-1:123456789012:Ops-mail",
        "TOLD_QUEUE_NAME": "Ops-mail",
        "TOLD_BUCKET": "inbox-123456789012-us-east-1",
        "TOLD_DOMAIN": "inbox-123456789012-us-east-1.s3.us-east-1.amazonaws.com",
        "TOLD_STACK": "web",
        "TOLD_LITERAL": "${NotAReference} Ops",
        "TOLD_BASE64": "aGVsbG8=",
        "TOLD_BUS": "arn:aws:events:us-east-1:123456789012:event-bus/team-bus",
    }
    entry = {"EventBusName": "team-bus", "Source": "Ops", "DetailType": "note", "Detail": '{"text": "hi"}'}
    assert app.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    (message,) = app.received("Ops-mail")
    assert json.loads(message["Body"]) == {"text": "hi"}
    verdict = app.cli("why", "--function", "Teller", "s3:GetObject", "arn:aws:s3:::inbox-123456789012-us-east-1/a")
    assert verdict["allowed"] is True
