"""What is recorded with a subscription filter; what else they do: tests/integration/aws/test_subscriptions.py."""

import pytest

from router.api.aws.logs import Filters
from router.sources.logs_places import Places
from tests.unit.api.aws.logs.rig import GROUP, Rig
from tests.unit.api.aws.sqs.rig import ACCOUNT

HEAR = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:hear"


async def test_a_filter_begins_where_the_group_is_when_it_is_put(house: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not where it is when the source that serves it has started: what is written in between would be nobody's."""
    monkeypatch.setattr(Filters, "_check_open", lambda *_: None)
    stream = house.log("before", "in memory before")
    await house.call("PutSubscriptionFilter", logGroupName=GROUP, filterName="f", filterPattern="", destinationArn=HEAR)
    (change,) = house.declared.changes
    assert change.puts[0].value == {"function": "hear", "trigger": {"logs": {"group": GROUP, "filter_pattern": "", "name": "f"}}}
    found = await Places(house.declared.database).load([(GROUP, "f")])
    assert found.keys() == {(GROUP, "f")}
    (file,) = house.root.rglob("*.jsonl")
    assert {name: mark.offset for name, mark in found[GROUP, "f"].items()} == {stream: file.stat().st_size}
