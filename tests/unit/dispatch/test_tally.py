"""What an invocation is counted by, against the metrics it stands for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Function
from router.dispatch.tally import Tallies
from router.model import Outcome
from router.telemetry.cost import Bill, gb_seconds
from router.telemetry.metrics import Metrics

RUNS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "Unhandled"]), st.floats(0, 900_000), st.integers(0, 900_000)))


@given(RUNS)
def test_every_invocation_is_in_each_metric_once(runs: list[tuple[str, str, float, int]]) -> None:
    metrics = Metrics()
    counted = metrics.counter("router_runs_total", "Runs.", "function", "outcome")
    duration = metrics.histogram("router_run_seconds", "Run time.", "function")
    bill = Bill(metrics, lambda: "abc", lambda _: 0)
    tallies = Tallies(counted, duration, bill)
    for name, error, ms, billed in runs:
        tallies.count(Function(name, Path("/code"), "app.handler", memory=256), Outcome(b"", error, duration_ms=ms, billed_ms=billed))
    for name in "abc":
        mine = [run for run in runs if run[0] == name]
        assert counted.value(name, "error") == sum(bool(error) for _, error, _, _ in mine)
        assert counted.value(name, "ok") == sum(not error for _, error, _, _ in mine)
        assert sum(duration.cell(name).counts) == len(mine)
        assert duration.cell(name).total == pytest.approx(sum(ms for *_, ms, _ in mine) / 1000)
        assert bill.used(name) == pytest.approx(sum(gb_seconds(256, billed) for *_, billed in mine))


def test_an_outcome_that_never_was_is_not_told_of() -> None:
    metrics = Metrics()
    counted = metrics.counter("router_runs_total", "Runs.", "function", "outcome")
    bill = Bill(metrics, lambda: "a", lambda _: 0)
    tallies = Tallies(counted, metrics.histogram("router_run_seconds", "Run time.", "function"), bill)
    tallies.count(Function("a", Path("/code"), "app.handler"), Outcome(b""))
    assert 'outcome="ok"' in metrics.exposition()
    assert 'outcome="error"' not in metrics.exposition()
