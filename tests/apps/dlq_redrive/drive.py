"""Two messages die, the server comes up, and both are sent."""

from tests.apps.app import App

DEAD = "arn:aws:sqs:us-east-1:123456789012:MailDeadQueue"


def drive(app: App) -> None:
    sqs, s3 = app.client("sqs"), app.client("s3")
    url, dead = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("MailQueue", "MailDeadQueue"))
    for body in ("ada", "grace"):
        sqs.send_message(QueueUrl=url, MessageBody=body)

    def waiting() -> bool:
        found = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["ApproximateNumberOfMessages"])
        return found["Attributes"]["ApproximateNumberOfMessages"] == "2"

    app.seen("two dead letters", waiting)
    s3.put_object(Bucket="outbox-bucket", Key="up", Body=b"")
    sqs.start_message_move_task(SourceArn=DEAD)
    assert app.object("outbox-bucket", "sent/ada")["ContentLength"] == 36
    assert app.object("outbox-bucket", "sent/grace")["ContentLength"] == 36
