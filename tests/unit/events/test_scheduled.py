"""The events of schedules against real ones, key by key."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.events import scheduled
from router.events.scheduled import Firing

GOLDEN = Path(__file__).parents[2] / "golden"
FIRING = Firing("daily", "eu-west-1", "111122223333", 1774771200.0, "5cb8d3c4-0f2e-4c7e-9d0a-0a8f4a0e9a11")


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text())


def test_a_rules_event_is_the_recorded_one() -> None:
    recorded = golden("schedule_rule_scheduled_event.json")
    firing = Firing("my-scheduled-rule", "us-east-1", "123456789012", 1444323186, recorded["id"])
    assert scheduled.rule_event(firing) == recorded
    assert list(scheduled.rule_event(firing)) == list(recorded)


def test_two_firings_have_the_recorded_keys_and_constants() -> None:
    for recorded in golden("schedule_template_rule_rate_two_firings.json"):
        event = scheduled.rule_event(FIRING)
        assert list(event) == list(recorded)
        assert {key: event[key] for key in ("version", "detail-type", "source", "detail")} == {
            key: recorded[key] for key in ("version", "detail-type", "source", "detail")
        }


def test_a_rules_input_replaces_the_whole_event() -> None:
    recorded = golden("schedule_template_rule_custom_input.json")
    text = json.dumps(recorded["list-targets"]["Targets"][0]["Input"])
    assert json.loads(scheduled.payload(FIRING, text, scheduler=False)) == recorded["delivered"]


def test_a_rules_input_keeps_what_only_the_scheduler_fills_in() -> None:
    assert scheduled.payload(FIRING, '"<aws.scheduler.execution-id>"', scheduler=False) == b'"<aws.scheduler.execution-id>"'


def test_the_scheduler_without_input_sends_an_envelope_with_a_string_inside() -> None:
    assert json.loads(scheduled.payload(FIRING, None, scheduler=True)) == {
        "version": "0",
        "id": FIRING.id,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "111122223333",
        "time": "2026-03-29T08:00:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:scheduler:eu-west-1:111122223333:schedule/default/daily"],
        "detail": "{}",
    }


def test_the_schedulers_input_is_filled_in_wherever_a_placeholder_stands() -> None:
    text = json.dumps(
        {
            "arn": "<aws.scheduler.schedule-arn>",
            "text": "at <aws.scheduler.scheduled-time>, try <aws.scheduler.attempt-number>",
            "<aws.scheduler.execution-id>": ["<aws.scheduler.unknown>", "<AWS.scheduler.execution-id>"],
        }
    )
    assert json.loads(scheduled.payload(FIRING, text, scheduler=True)) == {
        "arn": "arn:aws:scheduler:eu-west-1:111122223333:schedule/default/daily",
        "text": "at 2026-03-29T08:00:00Z, try 1",
        FIRING.id: ["<aws.scheduler.unknown>", "<AWS.scheduler.execution-id>"],
    }


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_json_arrives_as_it_was_written(value: Any) -> None:
    assert json.loads(scheduled.payload(FIRING, json.dumps(value), scheduler=True)) == value


@given(name=st.text(), at=st.integers(), window=st.integers(0, 86_400))
def test_a_delay_is_within_its_window_and_always_the_same(name: str, at: int, window: int) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    assert 0 <= scheduled.delay(name, at, window) <= window
    assert scheduled.delay(name, at, window) == scheduled.delay(name, at, window)


def test_delays_are_spread_over_the_window() -> None:
    delays = [scheduled.delay("s", at, 900) for at in range(0, 600_000, 600)]
    assert len(set(delays)) > 500
    assert 400 < sum(delays) / len(delays) < 500
