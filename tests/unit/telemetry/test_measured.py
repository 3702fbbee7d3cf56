"""Functions' own metrics in the exposition, as Prometheus's own parser reads it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from router.telemetry import measured
from router.telemetry.emf import Metric
from router.telemetry.logs import LogStore
from router.telemetry.measured import Measured
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock


def line(name: str = "Orders", value: Any = 1, namespace: str = "App", **dimensions: str) -> str:
    about = {"Namespace": namespace, "Dimensions": [list(dimensions)], "Metrics": [{"Name": name, "Unit": "Count"}]}
    return json.dumps({"_aws": {"Timestamp": 0, "CloudWatchMetrics": [about]}, **dimensions, name: value})


def shown(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition())
        for sample in family.samples
        if not sample.name.startswith("router_")
    }


def test_sums_and_counts() -> None:
    metrics = Metrics()
    own = Measured(metrics)
    assert shown(metrics) == {}
    for value in (2, [0.5, 1.5]):
        own.take(line("SuccessfulBookings", value, "Serverless/AirlineAPI", service="booking", FunctionName="f"))
    own.take(line("SuccessfulBookings", 7, "Serverless/AirlineAPI"))
    labels = (("function_name", "f"), ("service", "booking"))
    name = "serverless_airline_api_successful_bookings"
    assert shown(metrics) == {
        (f"{name}_sum", labels): 4,
        (f"{name}_count", labels): 3,
        (f"{name}_sum", ()): 7,
        (f"{name}_count", ()): 1,
    }
    (family,) = (one for one in text_string_to_metric_families(metrics.exposition()) if one.name == name)
    assert (family.type, family.documentation) == ("summary", "SuccessfulBookings of Serverless/AirlineAPI, in Count.")


@pytest.mark.parametrize(("unit", "told"), [("None", "Requests of Shop."), ("Bytes/Second", "Requests of Shop, in Bytes/Second.")])
def test_a_unit_is_told_where_there_is_one(unit: str, told: str) -> None:
    metrics = Metrics()
    Measured(metrics).add(Metric("Shop", "Requests", unit, ()), 1, 1)
    assert f"# HELP shop_requests {told}\n" in metrics.exposition()


def test_no_name_is_one_of_ours() -> None:
    metrics = Metrics()
    Measured(metrics).take(line("loop_lag_seconds", namespace="router"))
    assert ("function_router_loop_lag_seconds_sum", ()) in shown(metrics)


def test_there_are_only_so_many_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "MOST", 3)
    metrics = Metrics()
    own = Measured(metrics)
    for number in range(5):
        own.take(line(value=[1, 1], order=str(number)))
    own.take(line(value=5, order="0"))
    assert len(shown(metrics)) == 6
    assert shown(metrics)["app_orders_sum", (("order", "0"),)] == 7
    assert metrics.counter("router_function_metrics_dropped_total", "").value() == 4


def test_names_that_differ_each_time_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "MOST", 3)
    metrics = Metrics()
    own = Measured(metrics)
    for number in range(50):
        own.take(line(f"Orders{number}"))
    assert len(own._families) == 3
    assert metrics.counter("router_function_metrics_dropped_total", "").value() == 47


def test_names_and_labels_have_only_so_much_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "ROOM", 64)
    metrics = Metrics()
    own = Measured(metrics)
    own.take(line(order="a" * 40))  # app_orders, order and this are 55
    own.take(line(order="b" * 40))
    own.take(line(value=4, order="a" * 40))
    assert shown(metrics) == {("app_orders_sum", (("order", "a" * 40),)): 5, ("app_orders_count", (("order", "a" * 40),)): 2}
    assert metrics.counter("router_function_metrics_dropped_total", "").value() == 1


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1, max_size=20)


@given(TEXT, TEXT, TEXT.filter(lambda name: name not in {"_aws", "x"}), TEXT)
def test_whatever_functions_call_them_the_exposition_can_be_read(namespace: str, name: str, dimension: str, value: str) -> None:
    metrics = Metrics()
    metrics.counter("router_things_total", "Things.").add()
    about = {"Namespace": namespace, "Dimensions": [[dimension]], "Metrics": [{"Name": "x", "Unit": name}]}
    Measured(metrics).take(json.dumps({"_aws": {"CloudWatchMetrics": [about]}, dimension: value, "x": 1}))
    ((_, labels), _) = next(iter(shown(metrics).items()))
    assert [told for _, told in labels] == [value]


def test_whatever_is_written_to_a_stream_is_looked_at(tmp_path: Path) -> None:
    metrics = Metrics()
    store = LogStore(tmp_path, VirtualClock())
    stream = store.stream("f")
    stream.write(line(), 1.0)  # nobody counts
    store.measured = Measured(metrics).take
    stream.write(line(value=4), 2.0)
    stream.write("orders: 5", 3.0)
    store.close()
    assert shown(metrics)["app_orders_sum", ()] == 4
