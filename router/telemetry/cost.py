"""What a function's invocations would cost on Lambda: an estimate. Pure but for Bill, which counts.

Prices: AWS Lambda pricing page, us-east-1, on demand, first tier of duration, as of December 2025. They stand for every region:
most charge the same. x86 or Arm is this machine's. Left out: the free tier, the cheaper tiers above 6 (Arm: 7.5) thousand million
GB-seconds a month, provisioned concurrency, /tmp over 512 MB, streamed bytes over 6 MB, and data transfer."""

import platform
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from router.telemetry.metrics import Cell, Labels, Metrics

_ARM: Final = ("aarch64", "arm64")  # platform.machine()


class Price(NamedTuple):
    """US dollars."""

    gb_second: float
    request: float


PRICES: Final = {"x86_64": Price(0.0000166667, 0.20 / 1_000_000), "arm64": Price(0.0000133334, 0.20 / 1_000_000)}


def price(machine: str) -> Price:
    """What Lambda charges for functions of this architecture, as platform.machine() spells it."""
    return PRICES["arm64" if machine in _ARM else "x86_64"]


def gb_seconds(memory_mb: int, billed_ms: float) -> float:
    """Memory configured times time billed."""
    return memory_mb / 1024 * billed_ms / 1000


def dollars(charged: Price, requests: int, used: float) -> float:
    """The price of *requests* that took *used* GB-seconds together."""
    return requests * charged.request + used * charged.gb_second


class Bill:
    """GB-seconds and dollars of each function since the daemon's start."""

    def __init__(self, metrics: Metrics, functions: Callable[[], Iterable[str]], requests: Callable[[str], int]) -> None:
        """*functions*: names; *requests*: how often one was invoked."""
        self._functions, self.requests, self._price = functions, requests, price(platform.machine())
        self._used = metrics.counter("router_billed_gb_seconds_total", "Memory configured times duration billed.", "function")
        metrics.gauge("router_cost_dollars", "What that and the requests would cost on Lambda, estimated.", "function", read=self._costs)

    def cell(self, function: str) -> Cell:
        """Where gb_seconds() of each of its invocations are to be added."""
        return self._used.cell(function)

    def used(self, function: str) -> float:
        """Its GB-seconds."""
        return self._used.value(function)

    def cost(self, function: str) -> float:
        """US dollars, estimated."""
        return dollars(self._price, self.requests(function), self.used(function))

    def _costs(self) -> dict[Labels, float]:
        return {(function,): self.cost(function) for function in self._functions()}
