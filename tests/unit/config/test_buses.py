"""The values under `buses` and `schedule_groups`."""

import json

import pytest

from router.config.types import Bus, ScheduleGroup
from tests.unit.config.conftest import BASE, Place

POLICY = '{Effect: Allow, Principal: "*", Action: "events:PutEvents", Resource: "*"}'


def test_buses_as_written(place: Place) -> None:
    config = place.load(
        BASE
        + f"buses:\n  orders: {{archive: {{retention: 7d, pattern: {{source: [a]}}, name: kept, description: all}}, tags: {{team: a}}, policy: [{POLICY}]}}\n"
        + "  plain:\n  ever: {archive: forever, description: x}\nschedule_groups: {night: {tags: {team: a}}, day: }\n"
    )
    orders = config.buses["orders"]
    assert json.loads(orders.policy)["Statement"][0]["Action"] == "events:PutEvents"
    assert (orders.archive, orders.archive_pattern, orders.archive_name, orders.archive_description, orders.tags) == (
        7 * 86400.0,
        {"source": ["a"]},
        "kept",
        "all",
        {"team": "a"},
    )
    assert config.buses["plain"] == Bus("plain")
    assert config.buses["ever"] == Bus("ever", archive=float("inf"), description="x")
    assert config.buses["default"] == Bus("default")
    assert config.schedule_groups == {
        "default": ScheduleGroup("default"),
        "night": ScheduleGroup("night", {"team": "a"}),
        "day": ScheduleGroup("day"),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("buses: {aws.x: }", "does not begin with aws."),
        ("buses: {x: {archive: 30m}}", "outside 1 h to"),
        ("buses: {x: {policy: [{Effect: Allow}]}}", "buses.x.policy"),
        ("buses: {x: {tags: {'aws:x': y}}}", "does not begin with aws:"),
        ("buses: {x: {colour: red}}", "unknown key"),
        (
            "buses: {x: {archive: {retention: 1d, name: a}}, y: {archive: {retention: 1d, name: a}}}",
            "buses.y.archive: the archive of bus x has",
        ),
        (
            "buses: {x: {archive: {retention: 1d, name: y}}, y: {archive: forever}}",
            "buses.y.archive: the archive of bus x has the name y already",
        ),
        ("schedule_groups: {x: {colour: red}}", "unknown key"),
    ],
)
def test_mistakes(place: Place, text: str, told: str) -> None:
    assert told in "\n".join(place.mistakes(BASE + text))
