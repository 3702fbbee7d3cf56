"""What the daemon builds of a config, before anything is opened."""

from pathlib import Path
from typing import Any, cast

import pytest

from router import daemon
from router.clock import SystemClock
from router.errors import ConfigError
from router.journal.database import Database
from router.sources import SOURCES
from router.sources.base import House
from router.telemetry.metrics import Metrics

CONFIG = """
version: 1
functions:
  f:
    code: .
    handler: app.handler
    triggers:
      - schedule: {expression: rate(1 minute)%s}
      - schedule: rate(2 minutes)
      - schedule: {expression: rate(3 minutes), enabled: false}
      - schedule: rate(4 minutes)
"""


def schedules(directory: Path, first: str) -> dict[str, str]:
    """Names and expressions of the schedules that are built."""
    (directory / "app.py").write_text("def handler(event, context): ...\n")
    path = directory / "config.yaml"
    path.write_text(CONFIG % first)
    config = daemon.check(path)
    house = House(config, SystemClock(), cast("Database", None), Metrics())
    (source,) = (cast("Any", it) for it in daemon.sources(house) if isinstance(it, SOURCES["schedule"]))
    return {row["name"]: row["expression"] for row in source.rows()}


@pytest.mark.parametrize("first", ["", ", enabled: false"])
def test_a_disabled_trigger_renames_none_behind_it(tmp_path: Path, first: str) -> None:
    """Another name would be another schedule, whose ticks begin anew."""
    found = schedules(tmp_path, first)
    assert ("f-0" in found) is (first == "")
    assert {name: text for name, text in found.items() if name != "f-0"} == {"f-1": "rate(2 minutes)", "f-3": "rate(4 minutes)"}


def test_a_function_s_role_lets_lambda_assume_it(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): ...\n")
    path = tmp_path / "config.yaml"
    text = (
        "version: 1\nroles: {r: {policy: [{Effect: Allow, Action: 's3:*', Resource: '*'}], trust: "
        "[{Effect: Allow, Principal: {Service: SERVICE.amazonaws.com}, Action: 'sts:AssumeRole'}]}}\n"
        "functions: {f: {code: ., handler: app.handler, role: r}}\n"
    )
    path.write_text(text.replace("SERVICE", "lambda"))
    assert daemon.check(path).roles["r"].trust is not None
    path.write_text(text.replace("SERVICE", "events"))
    with pytest.raises(ConfigError) as refused:
        daemon.check(path)
    told = "the trust of role r (config.yaml:2:78) does not let lambda.amazonaws.com assume it"
    assert refused.value.problems == (f"config.yaml:3:54: functions.f.role: {told}",)


def test_mistakes_that_only_all_triggers_show_are_told_at_once_and_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): ...\n")
    path = tmp_path / "config.yaml"
    path.write_text("""\
version: 1
buckets: {inbox: {path: ./in}}
queues: {jobs: {visibility_timeout: 10s}}
tables: {orders: {sqlite: ./orders.db}}
roles: {r: {policy: [{Effect: Allow, Action: 's3:*', Resource: '*'}], trust: [{Effect: Deny, Principal: '*', Action: 'sts:AssumeRole'}]}}
functions:
  f:
    code: .
    handler: app.handler
    role: r
    timeout: 1m
    on_failure: {bucket: inbox}
    triggers: [{s3: inbox}, {queue: jobs}, {table: orders}, {table: orders}]
""")
    with pytest.raises(ConfigError) as refused:
        daemon.check(path)
    assert [problem.partition(" ")[0] + problem.partition(" ")[2].partition(":")[0] for problem in refused.value.problems] == [
        "config.yaml:10:11:functions.f.role",
        "config.yaml:11:14:functions.f.timeout",
        "config.yaml:12:17:functions.f.on_failure",
        "config.yaml:13:15:functions.f.triggers",
    ]
    assert "the trust of role r (config.yaml:5:78) does not let" in refused.value.problems[0]


def test_two_of_one_name_are_told_where_one_of_them_stands(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): ...\n")
    path = tmp_path / "config.yaml"
    path.write_text("""\
version: 1
queues: {jobs: {}}
rules:
  f-2: {pattern: {source: [shop]}, targets: [{queue: jobs}], enabled: false}
  g-0: {pattern: {source: [shop]}, targets: [{queue: jobs}]}
functions:
  f:
    code: .
    handler: app.handler
    triggers:
      - schedule: {expression: rate(1 minute), name: f-1}
      - schedule: rate(2 minutes)
      - event: {pattern: {source: [shop]}}
      - event: {pattern: {source: [shop]}, name: g-1}
  g:
    code: .
    handler: app.handler
    triggers:
      - event: {pattern: {source: [shop]}}
      - event: {pattern: {source: [shop]}}
""")
    with pytest.raises(ConfigError) as refused:
        daemon.check(path)
    assert refused.value.problems == (
        "config.yaml:4:8: rules.f-2: rule f-2 of bus default: two rules have this name, in rules and of f",
        "config.yaml:5:8: rules.g-0: rule g-0 of bus default: two rules have this name, of g and queue:jobs",
        "config.yaml:12:19: functions.f.triggers[1].schedule.name: schedule f-1: two schedules have this name, of f and f",
        "config.yaml:19:7: functions.g.triggers: rule g-1 of bus default: two rules have this name, of f and g",
    )
