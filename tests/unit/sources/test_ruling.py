"""`rules:`, `schedules:` and their targets in config.yaml."""

from pathlib import Path
from typing import Any

import pytest

from router.config.load import load
from router.config.types import Destination
from router.errors import ConfigError
from router.iam.reading import mistakes_in
from router.sources import SECTIONS, TRIGGERS
from router.sources.targets import Target

AROUND = """
queues: {jobs: {}, lost: {}, line.fifo: {}}
buses: {orders: }
topics: {news: {}, news.fifo: {}}
roles:
  sender: {policy: [{Effect: Allow, Action: "sqs:SendMessage", Resource: "arn:aws:sqs:*:*:jobs"}]}
  ticking:
    policy: [{Effect: Allow, Action: "sqs:SendMessage", Resource: "*"}]
    trust: [{Effect: Allow, Principal: {Service: scheduler.amazonaws.com}, Action: "sts:AssumeRole"}]
  bound:
    policy: [{Effect: Allow, Action: "sqs:SendMessage", Resource: "*"}]
    trust:
      - Effect: Allow
        Principal: {Service: [events.amazonaws.com, scheduler.amazonaws.com]}
        Action: sts:AssumeRole
        Condition:
          StringEquals: {aws:SourceAccount: "123456789012"}
          ArnEquals:
            aws:SourceArn: ["arn:aws:events:us-east-1:123456789012:rule/orders/one", "arn:aws:scheduler:us-east-1:123456789012:schedule-group/night"]
schedule_groups: {night: {tags: {team: a}}}
functions:
  f: {code: code, handler: app.handler, aliases: {live: $LATEST}}
"""


def read(tmp_path: Path, text: str) -> Any:
    (tmp_path / "code").mkdir(exist_ok=True)
    (tmp_path / "code/app.py").write_text("def handler(event, context): return event\n")
    file = tmp_path / "config.yaml"
    file.write_text(f"version: 1\n{AROUND}{text}\n")
    return load(file, TRIGGERS, environ={}, policies=mistakes_in, sections=SECTIONS)


def test_a_rule_has_targets_of_every_kind(tmp_path: Path) -> None:
    rules = read(
        tmp_path,
        """
rules:
  big:
    pattern: {source: [shop]}
    description: large orders
    tags: {team: a}
    targets:
      - {function: "f:live", input_path: $.detail}
      - {queue: jobs, id: q, dead_letter: {queue: lost}, retry: {attempts: 3, age: 1h}, role: sender}
      - {queue: line.fifo, group: all}
      - {topic: news}
      - {log_group: /aws/events/big}
  orders/big: {pattern: {source: [till]}, enabled: false}
""",
    ).rules
    big = rules["big"]
    assert list(rules) == ["big", "orders/big"]
    assert (big.bus, big.name, big.written, big.enabled, big.tags) == ("default", "big", '{"source":["shop"]}', True, {"team": "a"})
    assert [target.to for target in big.targets] == [
        Destination("function", "f:live"),
        Destination("queue", "jobs"),
        Destination("queue", "line.fifo"),
        Destination("topic", "news"),
        Destination("log_group", "/aws/events/big"),
    ]
    assert [target.id for target in big.targets] == ["Target0", "q", "Target2", "Target3", "Target4"]
    assert big.targets[1] == Target(Destination("queue", "jobs"), "q", dead_letter="lost", attempts=3, age=3600.0, role="sender")
    assert big.targets[2].group == "all"
    assert (rules["orders/big"].bus, rules["orders/big"].enabled, rules["orders/big"].targets) == ("orders", False, ())
    assert rules["orders/big"].value == {"pattern": {"source": ["till"]}, "enabled": False}


def test_a_rule_may_have_a_schedule_and_the_bus_a_place_of_its_own(tmp_path: Path) -> None:
    rules = read(
        tmp_path, "rules: {tick: {schedule: rate(5 minutes), targets: [{queue: jobs}]}, x: {bus: orders, pattern: {source: [a]}}}"
    ).rules
    assert (rules["tick"].schedule.text, rules["tick"].schedule.scheduler, rules["tick"].pattern) == ("rate(5 minutes)", False, None)
    assert list(rules) == ["tick", "orders/x"]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("r: {}", "rules.r: a rule needs a pattern"),
        ("a b: {pattern: {source: [a]}}", "a rule's name is 1 to 64"),
        ("r: {pattern: {source: a}}", '"source" must be an object or an array'),
        ("r: {bus: ordres, pattern: {source: [a]}}", "no bus has the name ordres, did you mean orders?"),
        ("orders/r: {bus: default, pattern: {source: [a]}}", "the rule's name says orders"),
        ("{orders/r: {pattern: {source: [a]}}, r: {bus: orders, pattern: {source: [a]}}}", "two rules of bus orders have the name r"),
        ("orders/r: {schedule: rate(1 minute)}", "ScheduleExpression is supported only on the default event bus."),
        ('r: {schedule: "at(2030-01-01T00:00:00)"}', "at() is EventBridge Scheduler's"),
        ("r: {schedule: rate(1 minutes)}", "rules.r.schedule"),
        ("r: {pattern: {source: [a]}, colour: red}", "rules.r.colour: unknown key"),
    ],
)
def test_mistakes_in_rules(tmp_path: Path, rule: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "rules:\n  " + rule)
    assert told in "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("{}", "a target is one word and a name"),
        ("{queue: jobs, bus: orders}", "a target is one word and a name"),
        ("{queue: job}", "no queue has the name job, did you mean jobs?"),
        ("{function: g}", "no function has the name g"),
        ("{function: 'f:lve'}", "function f has no alias lve, did you mean live?"),
        ("{log_group: /aws/lambda/f}", "none that begins with /aws/lambda/"),
        ("{log_group: a b}", "a log group's name"),
        ("{queue: line.fifo}", "group: is required: line.fifo is a FIFO queue"),
        ("{topic: new}", "no topic has the name new, did you mean news?"),
        ("{topic: news.fifo}", "news.fifo is a FIFO topic; a target is a standard one"),
        ("{bus: orders, group: a}", "only a message in a queue has this"),
        ("{queue: jobs, group: a b}", "1 to 128 printable characters"),
        ("{bus: orders, input_path: $.detail}", "a bus gets the event as it is"),
        ("{queue: jobs, input: 1, input_path: $.detail}", "only one of input, input_path"),
        ("{queue: jobs, dead_letter: {queue: line.fifo}}", "is a FIFO queue; a destination is a standard one"),
        ("{queue: jobs, retry: {attempts: 186}}", "outside 0 to 185"),
        ("{queue: jobs, retry: {age: 59}}", "outside 60 s to 24 h"),
        ("{queue: jobs, role: nobody}", "no role has the name nobody"),
        ("{queue: lost, role: sender}", "role sender does not allow sqs:SendMessage on arn:aws:sqs:us-east-1:123456789012:lost"),
        (
            "{log_group: /aws/events/x, role: sender}",
            "does not allow logs:PutLogEvents on arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/x:*",
        ),
        ("{queue: jobs, role: ticking}", "the trust of role ticking does not let events.amazonaws.com assume it"),
        ("{bus: default}", "rules.r.targets[0].bus: is the bus that the rule hears"),
        ("{queue: jobs, id: a b}", "1 to 64 letters"),
        ("{queue: jobs, id: x}, {queue: lost, id: x}", "two targets have the id x"),
        (", ".join(["{queue: jobs}"] * 6), "6 targets; a rule has 5 at most"),
    ],
)
def test_mistakes_in_targets(tmp_path: Path, target: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"rules: {{r: {{pattern: {{source: [a]}}, targets: [{target}]}}}}")
    assert told in "\n".join(caught.value.problems)


def test_a_rule_sends_events_to_any_bus_but_the_one_it_hears(tmp_path: Path) -> None:
    """A rule on a schedule hears none."""
    rules = read(
        tmp_path,
        "rules: {orders/x: {pattern: {source: [a]}, targets: [{bus: default}]}, tick: {schedule: rate(1 hour), targets: [{bus: default}]}}",
    ).rules
    assert [rule.targets[0].to for rule in rules.values()] == [Destination("bus", "default")] * 2
    with pytest.raises(ConfigError, match="is the bus that the rule hears"):
        read(tmp_path, "rules: {orders/x: {pattern: {source: [a]}, targets: [{bus: orders}]}}")


def test_schedules_have_one_target_and_the_scheduler_s_keys(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
schedules:
  hourly: {expression: rate(1 hour), target: {queue: jobs}, input: go, description: each hour}
  night/report:
    expression: cron(0 2 * * ? *)
    timezone: Europe/Berlin
    flexible_window: 15m
    start: 2030-01-01T00:00:00
    enabled: false
    input: {day: 1}
    target: {bus: orders, source: clock, detail_type: night, dead_letter: {queue: lost}}
  once: {expression: "at(2030-01-01T00:00:00)", action_after_completion: DELETE, target: {function: f}}
  trusted: {expression: rate(1 hour), target: {queue: jobs, role: ticking}}
""",
    )
    hourly, report, once = config.schedules["hourly"], config.schedules["night/report"], config.schedules["once"]
    assert (hourly.group, hourly.name, hourly.timing.scheduler, hourly.timing.input) == ("default", "hourly", True, '"go"')
    assert (report.group, report.name, report.enabled, report.timing.window) == ("night", "report", False, 900)
    assert (report.target.source, report.target.detail_type, report.target.dead_letter) == ("clock", "night", "lost")
    assert once.timing.delete
    assert config.schedule_groups["night"].tags == {"team": "a"}


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ("s: {expression: rate(1 hour)}", "schedules.s.target: is required"),
        ("s: {target: {queue: jobs}}", "schedules.s.expression: is required"),
        ("nihgt/s: {expression: rate(1 hour), target: {queue: jobs}}", "no schedule group has the name nihgt, did you mean night?"),
        ("a b: {expression: rate(1 hour), target: {queue: jobs}}", "a schedule's name is 1 to 64"),
        ("s: {expression: rate(1 hour), target: {queue: jobs, source: a}}", "only an event for a bus has this"),
        ("s: {expression: rate(1 hour), target: {bus: orders, detail_type: a}}", "source: is required"),
        ("s: {expression: rate(1 hour), target: {bus: orders, source: aws.x, detail_type: a}}", "AWS's own services'"),
        ("s: {expression: rate(1 hour), input: 7, target: {bus: orders, source: x, detail_type: a}}", "the detail of an event for a bus"),
        ("s: {expression: rate(1 hour), target: {log_group: /aws/events/x}}", "unknown key"),
        (
            "{default/s: {expression: rate(1 hour), target: {queue: jobs}}, s: {expression: rate(1 hour), target: {queue: jobs}}}",
            "two schedules of group default",
        ),
    ],
)
def test_mistakes_in_schedules(tmp_path: Path, schedule: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "schedules:\n  " + schedule)
    assert told in "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("schedule_groups: {a b: }", "a group's name is 1 to 64"),
        (
            "buses: {orders: {policy: x}}",
            'must be a list of statements, as - {Effect: Allow, Principal: {AWS: "arn:aws:iam::123456789012:role/r"}, Action: "events:PutEvents"',
        ),
        ("buses: {orders: {archive: {retention: 7d, name: a b}}}", "1 to 48 letters"),
        ("buses: {orders: {description: " + "x" * 513 + "}}", "513 characters; a description has 512 at most"),
    ],
)
def test_mistakes_in_what_is_beside_them(tmp_path: Path, text: str, told: str) -> None:
    key = text.partition(":")[0]
    around = "\n".join(line for line in AROUND.splitlines() if not line.startswith(f"{key}:"))
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text("")
    file = tmp_path / "config.yaml"
    file.write_text(f"version: 1\n{around}\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load(file, TRIGGERS, environ={}, sections=SECTIONS)
    assert told in "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: {NAME: {pattern: {source: [a]}, targets: [{queue: jobs, role: bound}]}}", ("orders/one", "orders/two", "one")),
        ("schedules: {NAME: {expression: rate(1 hour), target: {queue: jobs, role: bound}}}", ("night/a", "a", "a")),
    ],
)
def test_a_trust_may_name_the_rule_or_the_group_of_schedules(tmp_path: Path, text: str, told: tuple[str, ...]) -> None:
    """As AWS recommends: no other rule's target has the role then."""
    right, *others = told
    read(tmp_path, text.replace("NAME", right))
    for other in others:
        with pytest.raises(ConfigError, match="trust of role bound does not let"):
            read(tmp_path, text.replace("NAME", other))
