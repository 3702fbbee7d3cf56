"""`event:` and `buses:` in config.yaml."""

from pathlib import Path
from typing import Any

import pytest

from router.config.load import load
from router.errors import ConfigError
from router.events.transform import Facts
from router.sources import TRIGGERS
from router.sources.bus_trigger import EventTrigger

FACTS = Facts("f-0", "arn", 0.0)


def read(tmp_path: Path, trigger: str, buses: str = "") -> Any:
    (tmp_path / "code").mkdir(exist_ok=True)
    (tmp_path / "code" / "app.py").write_text("def handler(event, context): return event\n")
    file = tmp_path / "config.yaml"
    file.write_text(f"version: 1\n{buses}functions:\n  f: {{code: code, handler: app.handler, triggers: [event: {trigger}]}}\n")
    return load(file, TRIGGERS, environ={})


def the(config: Any) -> EventTrigger:
    (trigger,) = config.functions["f"].triggers
    assert isinstance(trigger, EventTrigger)
    return trigger


def test_a_pattern_is_enough(tmp_path: Path) -> None:
    trigger = the(read(tmp_path, '{pattern: {source: [shop], detail: {total: [{numeric: [">", 100]}]}}}'))
    assert trigger.pattern.matches({"source": "shop", "detail": {"total": 101}})
    assert not trigger.pattern.matches({"source": "shop", "detail": {"total": 100}})
    assert (trigger.bus, trigger.named("f", 3), trigger.claim) == ("default", "f-3", "")
    assert trigger.written == '{"source":["shop"],"detail":{"total":[{"numeric":[">",100]}]}}'


def test_a_rule_may_have_a_name_and_a_bus(tmp_path: Path) -> None:
    trigger = the(read(tmp_path, "{bus: orders, pattern: {source: [shop]}, name: big}", "buses: {orders: }\n"))
    assert (trigger.bus, trigger.named("f", 0), trigger.claim) == ("orders", "big", "rule big of bus orders")


@pytest.mark.parametrize(
    ("keys", "payload"),
    [
        ("input: {mode: daily}", b'{"mode":"daily"}'),
        ("input_path: $.detail", b'{"id":7}'),
        ("input_transformer: {paths: {id: $.detail.id}, template: '{\"order\": <id>}'}", b'{"order": 7}'),
        ("input_transformer: '\"from <aws.events.rule-name>\"'", b'"from f-0"'),
    ],
)
def test_inputs(tmp_path: Path, keys: str, payload: bytes) -> None:
    trigger = the(read(tmp_path, f"{{pattern: {{source: [shop]}}, {keys}}}"))
    assert trigger.input.of({"detail": {"id": 7}}, FACTS) == payload


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        ("{}", "event.pattern: is required, as pattern: {source: [shop]}"),
        ("{pattern: {source: shop}}", 'event.pattern: "source" must be an object or an array'),
        ("{pattern: {source: []}}", "event.pattern: Empty arrays are not allowed"),
        ("{pattern: [shop]}", "event.pattern: Filter is not an object"),
        ("{pattern: {a: [{prefx: b}]}}", "event.pattern: Unrecognized match type prefx"),
        (f"{{pattern: {{a: [{'x' * 4096}]}}}}", "event.pattern: 4106 characters of JSON; a pattern has 4096 at most"),
        ("{pattern: {a: [1]}, bus: order}", "event.bus: no bus has the name order, did you mean orders?"),
        (
            "{pattern: {a: [1]}, input: 1, input_path: $.a}",
            "event.input_path: only one of input, input_path, input_transformer can be given",
        ),
        ("{pattern: {a: [1]}, input_path: a}", "event.input_path: a is no JSON path"),
        ("{pattern: {a: [1]}, input_transformer: '<x>'}", "event.input_transformer: InputTemplate contains invalid placeholder x."),
        ("{pattern: {a: [1]}, input_transformer: {paths: {}}}", "event.input_transformer.template: is required"),
        ("{pattern: {a: [1]}, name: a b}", "event.name: a b is not 1 to 64 letters"),
        ("{pattern: {a: [1]}, target: x}", "event.target: unknown key"),
        ("{pattern: }", "event.pattern: Filter is not an object"),
    ],
)
def test_mistakes_are_told_in_awss_words_where_it_has_some(tmp_path: Path, trigger: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, trigger, "buses: {orders: }\n")
    assert told in "\n".join(error.value.problems)


def test_the_default_bus_is_always_there(tmp_path: Path) -> None:
    assert set(read(tmp_path, "{pattern: {a: [1]}}").buses) == {"default"}
    config = read(
        tmp_path,
        "{pattern: {a: [1]}}",
        "buses: {orders: {archive: forever}, default: {archive: 7d}, x: {archive: {retention: 1d, pattern: {a: [1]}}}}\n",
    )
    assert {name: bus.archive for name, bus in config.buses.items()} == {"default": 604800.0, "orders": float("inf"), "x": 86400.0}
    assert config.buses["x"].archive_pattern == {"a": [1]}


@pytest.mark.parametrize(
    ("buses", "told"),
    [
        ("{a b: }", "a bus's name is"),
        ("{aws.x: }", "does not begin with aws."),
        ("{orders: {archive: soon}}", "buses.orders.archive.retention: soon is not a duration"),
        ("{orders: {archive: 1m}}", "is outside"),
        ("{orders: {archive: {pattern: {a: [1]}}}}", "buses.orders.archive.retention: is required"),
        ("{orders: {rules: []}}", "unknown key"),
    ],
)
def test_mistakes_of_buses(tmp_path: Path, buses: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, "{pattern: {a: [1]}}", f"buses: {buses}\n")
    assert told in "\n".join(error.value.problems)
