"""`schedule:` as config.yaml spells it, read by the loader itself."""

from pathlib import Path
from typing import Any

import pytest

from router.config.load import load
from router.errors import ConfigError
from router.events.schedule import Rate
from router.sources.schedule_trigger import INPUT_LIMIT, ScheduleTrigger


@pytest.fixture
def read(tmp_path: Path) -> Any:
    (tmp_path / "app.py").write_text("def handler(event, context): ...\n")

    def reader(*triggers: str) -> list[Any]:
        lines = ["version: 1", "functions:", "  f:", "    code: .", "    handler: app.handler", "    triggers:"]
        (tmp_path / "config.yaml").write_text("\n".join([*lines, *(f"      - schedule: {each}" for each in triggers)]))
        return list(load(tmp_path / "config.yaml", {"schedule": ScheduleTrigger}).functions["f"].triggers)

    return reader


def problems(read: Any, *triggers: str) -> str:
    with pytest.raises(ConfigError) as refused:
        read(*triggers)
    return str(refused.value)


def test_the_string_form_is_the_expression(read: Any) -> None:
    (trigger,) = read("rate(5 minutes)")
    assert trigger == ScheduleTrigger("rate(5 minutes)", Rate(300))
    assert (trigger.claim, trigger.scheduler, trigger.missed, trigger.input) == ("", False, "once", None)


def test_every_key(read: Any) -> None:
    (trigger,) = read(
        '{expression: "cron(0 8 ? * MON-FRI *)", timezone: Europe/Berlin, input: {mode: daily, n: [1, null]}, missed: all, name: am}'
    )
    assert (trigger.text, trigger.timezone, trigger.missed, trigger.name) == ("cron(0 8 ? * MON-FRI *)", "Europe/Berlin", "all", "am")
    assert trigger.input == '{"mode":"daily","n":[1,null]}'
    assert (trigger.claim, trigger.scheduler, str(trigger.zone)) == ("schedule am", True, "Europe/Berlin")


def test_the_keys_of_the_scheduler(read: Any) -> None:
    (trigger,) = read(
        "{expression: rate(1 day), timezone: Europe/Berlin, flexible_window: 15m, start: 2030-07-01T08:00:00, end: 2031-01-01T00:00:00Z, action_after_completion: DELETE}"
    )
    assert (trigger.window, trigger.start, trigger.end, trigger.delete) == (900, 1_909_116_000, 1_924_992_000, True)
    assert trigger.scheduler
    (trigger,) = read("{expression: rate(1 day), start: 2030-07-01T08:00:00+02:00}")
    assert (trigger.start, trigger.scheduler) == (1_909_116_000, True), "a rule has no start"


def test_null_as_input_is_an_input(read: Any) -> None:
    assert read("{expression: rate(1 day), input: null}")[0].input == "null"


def test_utc_named_is_the_schedulers_and_at_is_too(read: Any) -> None:
    assert read("{expression: rate(1 day), timezone: UTC}")[0].scheduler
    assert read("at(2030-01-31T08:00:00)")[0].scheduler


def test_a_disabled_schedule_is_still_read(read: Any) -> None:
    assert read("{expression: rate(1 day), enabled: false}") == []
    assert "rate(1 days)" in problems(read, "{expression: rate(1 days), enabled: false}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rate(1 minutes)", "config.yaml:7:19: functions.f.triggers[0].schedule.expression: rate(1 minutes): write rate(1 minute)"),
        (
            "{expression: rate(1 day), timezone: Europe/Berln}",
            "schedule.timezone: Europe/Berln is no IANA time zone, did you mean Europe/Berlin?",
        ),
        (
            '{expression: rate(1 day), timezone: ""}',
            "schedule.timezone: an empty text is not an IANA time zone, as Europe/Berlin; leave it out for UTC",
        ),
        ("{timezone: Europe/Berlin}", "expression"),
        ("{expression: rate(1 day), missed: latest}", "one of skip, once, all"),
        ("{expression: rate(1 day), name: my schedule}", "1 to 64 letters, digits, hyphens, underscores and dots"),
        ("''", "schedule.expression: an empty text is not allowed here"),
        ("{expression: rate(1 day), flexible_window: 30s}", "30 s is outside 60 s to 24 h"),
        ("{expression: rate(1 day), flexible_window: 90s}", "flexible_window: is whole minutes"),
        ("{expression: rate(1 day), start: soon}", "start: soon is no date and time"),
        ("{expression: rate(1 day), start: 1970-01-01T00:00:00Z}", "start: the year is 1971 to 2199"),
        ("{expression: rate(1 day), start: 2030-01-02T00:00:00, end: 2030-01-01T00:00:00}", "end: is before start"),
        ('{expression: "at(2030-01-31T08:00:00)", end: 2031-01-01T00:00:00Z}', "end: does not go with at()"),
        ("{expression: rate(1 day), action_after_completion: REMOVE}", "one of NONE, DELETE"),
        ("{expression: rate(1 day), tz: UTC}", "tz: unknown key"),
        (
            f"{{expression: rate(1 day), input: {'x' * INPUT_LIMIT}}}",
            f"{INPUT_LIMIT + 2} bytes of JSON; an input has {INPUT_LIMIT} at most",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(read: Any, text: str, told: str) -> None:
    assert told in problems(read, text)


def test_all_mistakes_are_told_at_once(read: Any) -> None:
    told = problems(read, "{expression: cron(* * * * * *), timezone: Mars, missed: never}", "rate(0 days)")
    assert len(told.splitlines()) == 4


def test_a_name_is_one_schedules(read: Any) -> None:
    assert "schedule am" in problems(read, "{expression: rate(1 day), name: am}", "{expression: rate(2 days), name: am}")
