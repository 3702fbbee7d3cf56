"""Move tasks through the API."""

import pytest

from router.events.sqs_errors import QueueError
from tests.unit.api.aws.sqs.rig import ACCOUNT, Rig

ARN = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:"


async def test_dead_letters_move_back(house: Rig) -> None:
    await house.call("SendMessage", "jobs", MessageBody="poison")
    for _ in range(3):
        await house.call("ReceiveMessage", "jobs", VisibilityTimeout=0)
    started = await house.call("StartMessageMoveTask", SourceArn=f"{ARN}dead", MaxNumberOfMessagesPerSecond=10)
    (task,) = (await house.call("ListMessageMoveTasks", SourceArn=f"{ARN}dead"))["Results"]
    assert (task["TaskHandle"], task["Status"], task["ApproximateNumberOfMessagesToMove"]) == (started["TaskHandle"], "RUNNING", 1)
    assert await house.moves.step() is None
    (task,) = (await house.call("ListMessageMoveTasks", SourceArn=f"{ARN}dead"))["Results"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"], "TaskHandle" in task) == ("COMPLETED", 1, False)
    assert (await house.call("ReceiveMessage", "jobs"))["Messages"][0]["Body"] == "poison"


async def test_a_task_is_cancelled(house: Rig) -> None:
    await house.call("SendMessage", "dead", MessageBody="x")
    started = await house.call("StartMessageMoveTask", SourceArn=f"{ARN}dead", DestinationArn=f"{ARN}jobs")
    assert await house.call("CancelMessageMoveTask", **started) == {"ApproximateNumberOfMessagesMoved": 0}
    with pytest.raises(QueueError, match="has ended"):
        await house.call("CancelMessageMoveTask", **started)
    again = await house.call("StartMessageMoveTask", SourceArn=f"{ARN}dead", DestinationArn=f"{ARN}jobs")
    assert await house.call("CancelMessageMoveTask", **again) == {"ApproximateNumberOfMessagesMoved": 0}


async def test_a_task_is_told_as_recorded_of_aws(house: Rig) -> None:
    await house.call("CreateQueue", QueueName="target")
    for body in "ab":
        await house.call("SendMessage", "dead", MessageBody=body)
    source = {"SourceArn": f"{ARN}dead"}
    with pytest.raises(QueueError, match="for the DestinationArn parameter doesn't exist") as missing:
        await house.call("StartMessageMoveTask", **source, DestinationArn=f"{ARN}none")
    assert missing.value.code == "ResourceNotFoundException"
    await house.call("StartMessageMoveTask", **source, DestinationArn=f"{ARN}target", MaxNumberOfMessagesPerSecond=1)
    with pytest.raises(QueueError, match="Only one active task is allowed for a source queue arn") as second:
        await house.call("StartMessageMoveTask", **source, DestinationArn=f"{ARN}jobs")
    assert second.value.query_code == "InvalidParameterValue"
    await house.moves.step()
    await house.call("DeleteQueue", "target")
    await house.moves.step()
    (task,) = (await house.call("ListMessageMoveTasks", **source))["Results"]
    assert task.pop("StartedTimestamp") == int(house.clock.now() * 1000)
    assert task == {
        "Status": "FAILED",
        "FailureReason": "AWS.SimpleQueueService.NonExistentQueue",
        "SourceArn": f"{ARN}dead",
        "DestinationArn": f"{ARN}target",
        "MaxNumberOfMessagesPerSecond": 1,
        "ApproximateNumberOfMessagesMoved": 1,
        "ApproximateNumberOfMessagesToMove": 2,
    }


async def test_a_task_without_a_rate_is_listed_without_one(house: Rig) -> None:
    await house.call("StartMessageMoveTask", SourceArn=f"{ARN}dead")
    (task,) = (await house.call("ListMessageMoveTasks", SourceArn=f"{ARN}dead"))["Results"]
    assert "MaxNumberOfMessagesPerSecond" not in task


async def test_needs_are_of_taking_and_of_sending(house: Rig) -> None:
    taking = [
        (f"sqs:{action}", f"{ARN}dead") for action in ("StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
    ]
    back, away = [("sqs:SendMessage", f"{ARN}jobs")], [("sqs:SendMessage", f"{ARN}other")]
    assert house.needs("StartMessageMoveTask", SourceArn=f"{ARN}dead") == taking + back
    assert house.needs("StartMessageMoveTask", SourceArn=f"{ARN}dead", DestinationArn=f"{ARN}other") == taking + away
    handle = (await house.call("StartMessageMoveTask", SourceArn=f"{ARN}dead"))["TaskHandle"]
    assert house.needs("CancelMessageMoveTask", TaskHandle=handle) == [("sqs:CancelMessageMoveTask", f"{ARN}dead")]


@pytest.mark.parametrize("handle", ["", "x", "e30=", "bnVsbA==", "\ud800", "W10="])
async def test_text_that_is_no_handle_is_refused(house: Rig, handle: str) -> None:
    with pytest.raises(QueueError):
        house.needs("CancelMessageMoveTask", TaskHandle=handle)


@pytest.mark.parametrize("source", ["dead", f"{ARN}none", f"{ARN}", f"{ARN}jobs", "arn:aws:sqs:us-east-1:123456789012:dead"])
async def test_a_source_must_be_a_dead_letter_queue_of_ours(house: Rig, source: str) -> None:
    with pytest.raises(QueueError):
        await house.call("StartMessageMoveTask", SourceArn=source)
