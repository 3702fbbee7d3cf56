"""A death in the middle of a declaration, or of its end: it is there whole at the next start, or not at all."""

from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError

from tests.helpers.endpoint import Cloud
from tests.integration.aws.test_lambda_api import create, result

CONFIG = """
roles: {worker: {policy: [{Effect: Allow, Action: "sqs:*", Resource: "*"}]}}
queues: {jobs: {visibility_timeout: 60}}
"""


@pytest.mark.parametrize(("step", "there"), [("before-declared", False), ("after-declared", True)])
def test_killed_while_something_is_declared(tmp_path: Path, step: str, *, there: bool) -> None:
    with Cloud(tmp_path, CONFIG) as cloud:
        cloud.up(step=step, count=2)
        client = cloud.client("lambda", cloud.key())
        create(client, "first")
        with pytest.raises(BotoCoreError):
            create(client, "second", "two")
        assert cloud.until(lambda: not cloud.alive(), 10)
        cloud.up()
        assert result(client, "first")[0] == "one"
        names = {one["FunctionName"] for one in client.list_functions()["Functions"]}
        assert names == ({"first", "second"} if there else {"first"})
        if there:
            assert result(client, "second")[0] == "two"
        else:
            create(client, "second", "again")


@pytest.mark.parametrize(("step", "there"), [("before-declared", True), ("after-declared", False)])
def test_killed_while_a_table_is_deleted(tmp_path: Path, step: str, *, there: bool) -> None:
    """Whole, or gone with its items: one of that name that config.yaml declares later begins empty."""
    table = {"hash": "id"}
    with Cloud(tmp_path, CONFIG) as cloud:
        cloud.up(step=step, count=2)
        client = cloud.client("dynamodb", cloud.key())
        client.create_table(
            TableName="notes",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        client.put_item(TableName="notes", Item={"id": {"S": "a"}})
        with pytest.raises(BotoCoreError):
            client.delete_table(TableName="notes")
        assert cloud.until(lambda: not cloud.alive(), 10)
        cloud.up()
        if there:
            assert client.scan(TableName="notes")["Items"] == [{"id": {"S": "a"}}]
            return
        assert client.list_tables()["TableNames"] == []
        cloud.config.write_text(f"{cloud.config.read_text()}tables: {{notes: {table}}}\n")
        cloud.router("reload")
        assert client.scan(TableName="notes")["Items"] == []
