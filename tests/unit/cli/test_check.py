"""`router check`: what it says of a config that is right."""

from pathlib import Path
from typing import Any

from router.cli.check import summary, words
from router.daemon import check

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
CONFIG = """
version: 1
buses: {default: {}, orders: {}}
queues: {jobs: {}}
schedules:
  planned: {expression: cron(0 9 * * ? *), timezone: Europe/Berlin, target: {queue: jobs}}
  off: {expression: rate(1 hour), target: {queue: jobs}, enabled: false}
rules:
  ruled: {schedule: rate(1 day), targets: [{id: a, queue: jobs}]}
  matched: {pattern: {source: [shop]}, targets: [{id: a, queue: jobs}]}
functions:
  f:
    code: ./code
    handler: app.handler
    triggers:
      - schedule: rate(1 hour)
      - schedule: {expression: rate(1 hour), end: "2026-01-01T00:00:00Z"}
      - schedule: {expression: rate(1 hour), start: "2035-01-01T00:00:00Z"}
      - schedule: {expression: rate(1 hour), start: "2027-01-15T00:30:00Z", end: "2027-01-15T09:00:00Z"}
"""


def told(directory: Path, text: str = CONFIG) -> dict[str, Any]:
    (directory / "code").mkdir()
    (directory / "code/app.py").write_text("def handler(event, context): ...\n")
    (directory / "config.yaml").write_text(text)
    return summary(check(directory / "config.yaml"), NOW)


def test_every_schedule_is_told_with_the_times_at_which_it_fires(tmp_path: Path) -> None:
    found = {one["name"]: (one["function"], one["timezone"], one["next"]) for one in told(tmp_path)["schedules"]}
    assert found == {
        "f-0": ("f", "UTC", ["2027-01-15T09:00:00Z", "2027-01-15T10:00:00Z", "2027-01-15T11:00:00Z"]),
        "f-1": ("f", "UTC", []),
        "f-2": ("f", "UTC", ["2035-01-01T00:00:00Z", "2035-01-01T01:00:00Z", "2035-01-01T02:00:00Z"]),
        "f-3": ("f", "UTC", ["2027-01-15T08:30:00Z"]),
        "planned": ("queue:jobs", "Europe/Berlin", ["2027-01-16T08:00:00Z", "2027-01-17T08:00:00Z", "2027-01-18T08:00:00Z"]),
        "rule:ruled": ("queue:jobs", "UTC", ["2027-01-16T08:00:00Z", "2027-01-17T08:00:00Z", "2027-01-18T08:00:00Z"]),
    }


def test_people_are_told_the_same(tmp_path: Path) -> None:
    lines = list(words(told(tmp_path)))
    assert "rate(1 hour) → f: never again" in lines
    assert "cron(0 9 * * ? *) in Europe/Berlin → queue:jobs: 2027-01-16T08:00:00Z, 2027-01-17T08:00:00Z, 2027-01-18T08:00:00Z" in lines


def test_what_there_is_besides_is_counted(tmp_path: Path) -> None:
    found = told(tmp_path)
    assert [found[noun] for noun in ("queues", "topics", "buses", "rules", "roles")] == [1, 0, 2, 2, 0]
    assert next(words(found)) == "ok: 1 function, 4 triggers, 0 buckets, 0 tables, 1 queue, 2 buses, 2 rules"


def test_the_bus_that_always_is_there_is_not_told(tmp_path: Path) -> None:
    found = told(tmp_path, "version: 1\nfunctions: {f: {code: ./code, handler: app.handler}}\n")
    assert found["buses"] == 1
    assert next(words(found)) == "ok: 1 function, 0 triggers, 0 buckets, 0 tables"
