"""The exposition, as Prometheus's own parser reads it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from router.telemetry.metrics import SECONDS, Metrics

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))  # the exposition is UTF-8; the parser splits at a lone CR


def families(metrics: Metrics) -> dict[str, object]:
    return {family.name: family for family in text_string_to_metric_families(metrics.exposition())}


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample: (name, sorted labels) → value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition())
        for sample in family.samples
    }


def test_a_counter_without_labels_is_there_from_the_start() -> None:
    metrics = Metrics()
    counter = metrics.counter("router_things_total", "Things.")
    assert samples(metrics) == {("router_things_total", ()): 0}
    counter.add()
    counter.add(amount=2)
    assert samples(metrics) == {("router_things_total", ()): 3}
    assert counter.value() == 3


def test_a_counter_counts_for_each_label_value_alone() -> None:
    metrics = Metrics()
    counter = metrics.counter("router_things_total", "Things.", "function", "outcome")
    assert samples(metrics) == {}
    counter.add("a", "ok")
    counter.add("a", "ok")
    counter.add("b", "ok", amount=0.5)
    assert samples(metrics) == {
        ("router_things_total", (("function", "a"), ("outcome", "ok"))): 2,
        ("router_things_total", (("function", "b"), ("outcome", "ok"))): 0.5,
    }
    assert counter.value("c", "ok") == 0


def test_asking_twice_gives_the_same_metric() -> None:
    metrics = Metrics()
    assert metrics.counter("router_a_total", "A.") is metrics.counter("router_a_total", "A.")
    assert metrics.histogram("router_b_seconds", "B.") is metrics.histogram("router_b_seconds", "B.")


def test_a_gauge_is_read_at_each_exposition() -> None:
    metrics = Metrics()
    now: dict[tuple[str, ...], float] = {("a",): 1.0}
    metrics.gauge("router_depth", "Depth.", "function", read=lambda: now)
    assert samples(metrics) == {("router_depth", (("function", "a"),)): 1}
    now[("b",)] = -2.5
    assert samples(metrics)["router_depth", (("function", "b"),)] == -2.5


def test_types_and_help_are_told() -> None:
    metrics = Metrics()
    metrics.counter("router_a_total", "Counted things.")
    metrics.gauge("router_b", "Read things.", read=dict)
    metrics.histogram("router_c_seconds", "Measured things.")
    assert [(family.name, family.type, family.documentation) for family in text_string_to_metric_families(metrics.exposition())] == [
        ("router_a", "counter", "Counted things."),
        ("router_b", "gauge", "Read things."),
        ("router_c_seconds", "histogram", "Measured things."),
    ]


@given(values=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5, unique=True))
def test_label_values_come_back_whatever_they_hold(values: list[tuple[str, str]]) -> None:
    metrics = Metrics()
    counter = metrics.counter("router_things_total", "Things.", "one", "two")
    for pair in values:
        counter.add(*pair)
    assert samples(metrics) == {("router_things_total", (("one", one), ("two", two))): 1 for one, two in values}


@given(measured=st.lists(st.floats(0, 2000, allow_nan=False), max_size=50))
def test_a_histogram_agrees_with_itself(measured: list[float]) -> None:
    metrics = Metrics()
    histogram = metrics.histogram("router_wait_seconds", "Waits.", "function")
    for value in measured:
        histogram.observe(value, 'f"\\\n')
    found = samples(metrics)
    if not measured:
        assert found == {}
        return
    labels = ("function", 'f"\\\n')
    for bound in (*SECONDS, math.inf):
        below = {float(dict(key)["le"]): count for (name, key), count in found.items() if name.endswith("_bucket")}[bound]
        assert below == sum(value <= bound for value in measured)
    assert found["router_wait_seconds_count", (labels,)] == len(measured)
    assert found["router_wait_seconds_sum", (labels,)] == pytest.approx(sum(measured))


def test_a_histogram_keeps_bounds_of_its_own_and_puts_a_bound_into_its_bucket() -> None:
    metrics = Metrics()
    histogram = metrics.histogram("router_size", "Sizes.", bounds=(1, 10))
    for value in (1, 10, 11):
        histogram.observe(value)
    assert samples(metrics) == {
        ("router_size_bucket", (("le", "1"),)): 1,
        ("router_size_bucket", (("le", "10"),)): 2,
        ("router_size_bucket", (("le", "+Inf"),)): 3,
        ("router_size_sum", ()): 22,
        ("router_size_count", ()): 3,
    }


@pytest.mark.parametrize("value", [0.1, 1e300, 123456789012345680, 5e-324, math.inf, -math.inf])
def test_numbers_come_back_exactly(value: float) -> None:
    metrics = Metrics()
    metrics.gauge("router_number", "A number.", read=lambda: {(): value})
    assert samples(metrics) == {("router_number", ()): value}


def test_not_a_number_is_told_as_such() -> None:
    metrics = Metrics()
    metrics.gauge("router_number", "A number.", read=lambda: {(): math.nan})
    assert math.isnan(samples(metrics)["router_number", ()])


def test_an_empty_exposition_is_valid() -> None:
    assert families(Metrics()) == {}
