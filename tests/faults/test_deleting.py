"""A death while something is deleted that holds data: it is there whole, or nothing of it ever comes back."""

import time
from pathlib import Path
from typing import Any

import apsw
import pytest
from botocore.exceptions import BotoCoreError

from tests.helpers.endpoint import Cloud

FIFO = {"FifoQueue": "true"}
PATTERN = {"Source": "shop", "DetailType": "sold", "Detail": "{}"}
BUS = "arn:aws:events:us-east-1:123456789012:event-bus/own"
SIDES = [("before-declared", True), ("after-declared", False)]


def dies(cloud: Cloud, call: Any, **members: Any) -> None:
    """The call that the daemon does not survive; then the daemon again."""
    with pytest.raises(BotoCoreError):
        call(**members)
    assert cloud.until(lambda: not cloud.alive(), 10)
    cloud.up()


def rows(cloud: Cloud, table: str) -> int:
    """How many a table of the store has."""
    connection = apsw.Connection(str(cloud.directory / "state/journal.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").get)
    finally:
        connection.close()


@pytest.mark.parametrize(("step", "there"), SIDES)
def test_killed_while_a_queue_is_deleted(tmp_path: Path, step: str, *, there: bool) -> None:
    with Cloud(tmp_path, "") as cloud:
        cloud.up(step=step, count=2)
        client = cloud.client("sqs", cloud.key())
        url = client.create_queue(QueueName="q.fifo", Attributes=FIFO)["QueueUrl"]

        def send(text: str) -> None:
            client.send_message(QueueUrl=url, MessageBody=text, MessageGroupId="g", MessageDeduplicationId="d")

        send("old")
        dies(cloud, client.delete_queue, QueueUrl=url)
        if there:
            assert client.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "old"
            return
        assert client.list_queues().get("QueueUrls", []) == []
        tables = ("queue_messages", "queue_bodies", "queue_duplicates", "leavings")
        assert cloud.until(lambda: sum(rows(cloud, table) for table in tables) == 0, 20)
        client.create_queue(QueueName="q.fifo", Attributes=FIFO)
        send("new")  # no duplicate of what the deleted queue had
        got = [one["Body"] for one in client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
        assert got == ["new"]


def test_a_queue_that_config_yaml_has_again_is_served_once_nothing_of_the_deleted_one_is_left(tmp_path: Path) -> None:
    """The name is taken by a reload while its messages are still being removed."""
    with Cloud(tmp_path, "").serving() as cloud:
        client, nobodys = cloud.client("sqs", cloud.key()), cloud.config.read_text()

        def configure(queues: str) -> None:
            cloud.config.write_text(nobodys + queues)
            cloud.router("reload")

        def send(text: str) -> None:
            client.send_message(QueueUrl=url, MessageBody=text, MessageGroupId="g", MessageDeduplicationId="d")

        configure("queues: {q.fifo: {}}\n")
        url = client.get_queue_url(QueueName="q.fifo")["QueueUrl"]
        send("old")
        configure("")
        connection = apsw.Connection(str(cloud.directory / "state/journal.db"))
        connection.set_busy_timeout(10_000)
        connection.execute("INSERT INTO leavings VALUES ('queue', 'q.fifo', 0)")  # as a deletion leaves it that has just begun
        connection.close()
        configure("queues: {q.fifo: {}}\n")
        send("new")  # no duplicate of what the deleted queue had
        assert [one["Body"] for one in client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]] == ["new"]


@pytest.mark.parametrize(("step", "there", "whole"), [(*SIDES[0], False), (*SIDES[1], False), (*SIDES[1], True)])
def test_killed_while_an_archive_is_deleted(tmp_path: Path, step: str, *, there: bool, whole: bool) -> None:
    """*whole*: with its bus."""
    with Cloud(tmp_path, "") as cloud:
        cloud.up(step=step, count=3)
        client = cloud.client("events", cloud.key())
        client.create_event_bus(Name="own")
        client.create_archive(ArchiveName="a", EventSourceArn=BUS)
        assert client.put_events(Entries=[{**PATTERN, "EventBusName": "own", "Time": time.time()}])["FailedEntryCount"] == 0
        if whole:
            dies(cloud, client.delete_event_bus, Name="own")
        else:
            dies(cloud, client.delete_archive, ArchiveName="a")
        if there:
            assert client.describe_archive(ArchiveName="a")["EventCount"] == 1
            return
        assert client.list_archives()["Archives"] == []
        if whole:
            client.create_event_bus(Name="own")
        client.create_archive(ArchiveName="a", EventSourceArn=BUS)
        assert client.describe_archive(ArchiveName="a")["EventCount"] == 0
