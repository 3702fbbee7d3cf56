"""`metric_filters:` in config.yaml, and what a filter counts of an event."""

from pathlib import Path
from typing import Any

import pytest

from router.config.load import load
from router.errors import ConfigError
from router.sources import SECTIONS, TRIGGERS
from router.sources.metric_counting import Counting
from router.sources.metric_filter import MetricFilter
from router.telemetry.emf import Metric


def read(place: Path, text: str) -> Any:
    (place / "config.yaml").write_text(f"version: 1\nmetric_filters:\n  one: {text}\n")
    return load(place / "config.yaml", TRIGGERS, environ={}, sections=SECTIONS).metric_filters


def test_a_filter_in_the_config(tmp_path: Path) -> None:
    assert read(tmp_path, "{group: /aws/lambda/f, namespace: Shop, metric: Errors}") == {
        "one": MetricFilter("one", "/aws/lambda/f", "", "Shop", "Errors")
    }
    whole = '{group: /a, filter_pattern: "{ $.n > 1 }", namespace: S, metric: M, value: $.n, unit: Seconds, dimensions: {who: $.a.b}}'
    assert read(tmp_path, whole) == {"one": MetricFilter("one", "/a", "{ $.n > 1 }", "S", "M", "$.n", "Seconds", {"who": "$.a.b"})}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("group: a b", "metric_filters.one.group: a b is not a log group's name"),
        ("metric: 'a:b'", "metric_filters.one.metric: a:b is not 1 to 255 characters"),
        ("filter_pattern: '{ $.a'", "metric_filters.one.filter_pattern: { without a }"),
        ("value: many", "metric_filters.one.value: 'many' is no part of what the pattern finds"),
        ("value: $n, filter_pattern: '[a, b]'", "metric_filters.one.value: '$n' is no part of what the pattern finds"),
        ("value: $.n", "metric_filters.one.value: '$.n' is no part of what the pattern finds"),
        ("value: n, filter_pattern: '{ $.a = 1 }'", "metric_filters.one.value: 'n' is no property"),
        ("value: .inf", "metric_filters.one.value: '.inf' is no part of what the pattern finds"),
        ("dimensions: {a: $.b}", "metric_filters.one.dimensions: '$.b' is no part"),
        ("filter_pattern: '{ $.a = 1 }', dimensions: {a: $.a, b: $.a, c: $.a, d: $.a}", "a metric filter has 3 dimensions at most"),
        ("colour: red", "metric_filters.one.colour: unknown key"),
    ],
)
def test_mistakes(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "{" + ", ".join(key for key in ("group: /a", "namespace: S", "metric: M") if key[:4] != more[:4]) + f", {more}}}")
    assert said in "\n".join(caught.value.problems)


def counted(message: str, pattern: str = "", value: str = "1", **dimensions: str) -> tuple[float, dict[str, str]] | None:
    found = Counting(MetricFilter("f", "/g", pattern, "S", "M", value, "Count", dimensions)).of(message)
    if found is None:
        return None
    metric, number = found
    assert metric == Metric("S", "M", "Count", metric.dimensions)
    return number, dict(metric.dimensions)


@pytest.mark.parametrize(
    ("pattern", "value", "message", "number"),
    [
        ("", "1", "anything", 1),
        ("ERROR", "1", "an ERROR", 1),
        ("ERROR", "2.5", "an ERROR", 2.5),
        ("ERROR", "1", "fine", None),
        ("{ $.n > 1 }", "$.n", '{"n": 7.5}', 7.5),
        ("{ $.n > 1 }", "$.n", '{"n": 1}', None),
        ("{ $.a = 1 }", "$.n", '{"a": 1}', None),
        ("{ $.a = 1 }", "$.n", '{"a": 1, "n": "12"}', 12),
        ("{ $.a = 1 }", "$.n", '{"a": 1, "n": true}', None),
        ("{ $.a = 1 }", "$.n", '{"a": 1, "n": "nan"}', None),
        ("{ $.a = 1 }", "$.n[0].m", '{"a": 1, "n": [{"m": 3}]}', 3),
        ("[word = took, seconds, unit]", "$seconds", "took 7 seconds", 7),
        ("[word = took, seconds, unit]", "$seconds", "took some seconds", None),
        ("[type = REPORT, ..., used, mb]", "$used", "REPORT RequestId: x Used: 34 MB", 34),
    ],
)
def test_what_is_counted(pattern: str, value: str, message: str, number: float | None) -> None:
    assert counted(message, pattern, value) == (None if number is None else (number, {}))


def test_dimensions_are_of_the_event() -> None:
    pattern = "{ $.a = 1 }"
    assert counted('{"a": 1, "who": "ann", "code": 404}', pattern, who="$.who", code="$.code") == (1, {"who": "ann", "code": "404"})
    for message in (
        '{"a": 1}',
        '{"a": 1, "who": ""}',
        '{"a": 1, "who": null}',
        '{"a": 1, "who": ["x"]}',
        '{"a": 1, "who": "%s"}' % ("x" * 1025),
    ):
        assert counted(message, pattern, who="$.who") is None
    assert counted("took 7 seconds", "[word, n, unit]", unit="$unit") == (1, {"unit": "seconds"})
