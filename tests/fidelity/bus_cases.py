"""EventBridge: custom events, replays, schedules."""

import json
from typing import Any

from router.events import eventbridge, scheduled
from tests.fidelity.case import Case, flawed

NOTIFICATION = "EC2 Instance State-change Notification"


def _event(entry: eventbridge.Entry, event_id: str, region: str, account: str, replay: str = "") -> dict[str, Any]:
    return eventbridge.event(entry, event_id=event_id, at=0.0, place=eventbridge.Place(region, account), replay=replay)


def _plain() -> dict[str, Any]:
    detail = json.dumps({"instance-id": "i-abcd1111", "state": "pending"})
    resource = "arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"
    entry = eventbridge.Entry("aws.ec2", NOTIFICATION, detail, [resource], 1636666194.0)
    return _event(entry, "7bf73129-1428-4cd3-a780-95db273d1602", "us-east-1", "123456789012")


def _replayed() -> dict[str, Any]:
    detail = json.dumps({"instance_id": "i-1234567890abcdef0", "state": "terminated"})
    resource = "arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"
    entry = eventbridge.Entry("aws.ec2", NOTIFICATION, detail, [resource], 1513968228.0)
    return _event(entry, "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "us-west-1", "111122223333", "replay_archive")


def _rule() -> dict[str, Any]:
    return scheduled.rule_event(
        scheduled.Firing("my-scheduled-rule", "us-east-1", "123456789012", 1444323186.0, "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa")
    )


def _firing(number: int) -> dict[str, Any]:
    event_id = f"{number:08d}-cffa-4f76-80c9-8b7d4a4d2eaa"
    return scheduled.rule_event(scheduled.Firing("rule-1", "us-east-1", "111111111111", 1715774400.0 + 60 * number, event_id))


def _custom_input() -> Any:
    firing = scheduled.Firing("rule-1", "us-east-1", "111111111111", 1715774400.0, "00000001-cffa-4f76-80c9-8b7d4a4d2eaa")
    return json.loads(scheduled.payload(firing, '{"custom-value": "somecustominput"}', scheduler=False))


CASES = [
    Case(
        "EventBridge",
        "eventbridge_ec2_state_change",
        _plain,
        deviations=[flawed("version", 'absent; every event has "0"')],
    ),
    Case("EventBridge", "eventbridge_ec2_state_change_replayed", _replayed),
    Case("Schedule", "schedule_rule_scheduled_event", _rule),
    Case("Schedule", "schedule_template_rule_rate_two_firings", lambda: _firing(1), (0,)),
    Case("Schedule", "schedule_template_rule_rate_two_firings", lambda: _firing(2), (1,)),
    Case("Schedule", "schedule_template_rule_custom_input", _custom_input, ("delivered",)),
]
