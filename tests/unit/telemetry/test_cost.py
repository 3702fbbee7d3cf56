"""What invocations would cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.telemetry import cost
from router.telemetry.cost import Bill
from router.telemetry.metrics import Metrics


def test_the_worked_example() -> None:
    """128 MB for 4 ms, x86: 0.0005 GB-s, 8.33e-9 USD and 2.0e-7 USD for the request."""
    assert cost.gb_seconds(128, 4) == 0.0005
    assert cost.dollars(cost.price("x86_64"), 1, 0.0005) == pytest.approx(8.33e-9 + 2.0e-7, rel=1e-4)


@pytest.mark.parametrize(
    ("machine", "known"), [("x86_64", "x86_64"), ("AMD64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64"), ("", "x86_64")]
)
def test_the_machine_decides(machine: str, known: str) -> None:
    assert cost.price(machine) == cost.PRICES[known]


@given(runs=st.lists(st.tuples(st.sampled_from("ab"), st.integers(128, 10240), st.integers(0, 900_000))))
def test_a_bill_is_the_sum_of_its_invocations(runs: list[tuple[str, int, int]]) -> None:
    metrics = Metrics()
    bill = Bill(metrics, lambda: "ab", lambda function: sum(name == function for name, _, _ in runs))
    for function, memory, ms in runs:
        bill.cell(function).value += cost.gb_seconds(memory, ms)
    for name in "ab":
        used = sum(cost.gb_seconds(memory, ms) for function, memory, ms in runs if function == name)
        assert bill.used(name) == pytest.approx(used)
        each = sum(cost.dollars(bill._price, 1, cost.gb_seconds(memory, ms)) for function, memory, ms in runs if function == name)
        assert bill.cost(name) == pytest.approx(each)
        assert f'router_cost_dollars{{function="{name}"}}' in metrics.exposition()
