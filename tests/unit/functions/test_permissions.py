"""Functions' own policies, kept in the store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.functions.permissions import Permissions
from router.iam.policy import BadPolicy
from router.journal.database import Database

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def statement(sid: str, **more: Any) -> dict[str, Any]:
    rest = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "lambda:InvokeFunction", "Resource": ARN}
    return {"Sid": sid, **rest, **more}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "journal.db")
    yield opened
    await opened.close()


async def test_statements_are_there_after_a_restart_and_each_target_has_its_own(database: Database) -> None:
    permissions = await Permissions.open(database)
    assert permissions.document("f") is None
    assert permissions.policy("f") is None
    await permissions.add("f", statement("one"))
    await permissions.add("f:PROD", statement("one"))
    again = await Permissions.open(database)
    assert again.document("f") == {"Version": "2012-10-17", "Id": "default", "Statement": [statement("one")]}
    assert again.get("f", "one") == statement("one")
    assert again.get("f", "two") is None
    policy = again.policy("f")
    assert policy is not None
    assert policy.kind == "resource"
    assert policy.statements[0].name == "one"


async def test_a_policy_follows_its_statements(database: Database) -> None:
    permissions = await Permissions.open(database)
    await permissions.add("f", statement("one"))
    assert permissions.policy("f") is permissions.policy("f")
    await permissions.add("f", statement("two"))
    policy = permissions.policy("f")
    assert policy is not None
    assert [one.name for one in policy.statements] == ["one", "two"]
    await permissions.remove("f", "one")
    await permissions.remove("f", "two")
    assert permissions.policy("f") is None
    assert (await Permissions.open(database)).statements("f") == []


@pytest.mark.parametrize(
    "more", [{"Action": "invoke"}, {"Principal": {"Service": "s3"}}, {"Condition": {"Sometimes": {"aws:SourceArn": "x"}}}]
)
async def test_what_is_no_statement_is_refused_and_not_kept(database: Database, more: dict[str, Any]) -> None:
    permissions = await Permissions.open(database)
    with pytest.raises(BadPolicy):
        await permissions.add("f", statement("one", **more))
    assert (await Permissions.open(database)).statements("f") == []


async def test_a_policy_has_a_longest(database: Database) -> None:
    permissions = await Permissions.open(database)

    async def fill() -> None:
        for number in range(1000):
            await permissions.add("f", statement(f"{number:0>90}"))

    with pytest.raises(BadPolicy) as caught:
        await fill()
    assert caught.value.mistakes == ()


async def test_a_function_s_statements_go_with_it(database: Database) -> None:
    permissions = await Permissions.open(database)
    for target in ("f", "f:PROD", "f:1", "ff", "g"):
        await permissions.add(target, statement("one"))
    await database.transact(permissions.forgetting("f"))
    permissions.forget("f")
    for one in (permissions, await Permissions.open(database)):
        assert [bool(one.statements(target)) for target in ("f", "f:PROD", "f:1", "ff", "g")] == [False, False, False, True, True]
