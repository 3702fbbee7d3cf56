"""How long extensions may take to come up."""

import time

import pytest

from router.runtime import lifecycle
from tests.integration.test_extensions import Bench, bench

__all__ = ["bench"]  # the fixture


async def test_within_an_invocation_extensions_have_its_time_and_no_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An init that is repeated inside an invocation runs under the function's own timeout, as without extensions."""
    monkeypatch.setattr(lifecycle, "INIT_LIMIT", 4.0)
    silent = bench.function("silent", do="silent")
    function = bench.pool.function("app.handler", name="f", opt=silent.opt, environment=silent.environment, timeout=1.0)
    for most in (7.5, 3.5):  # first the init phase, which takes its own limit
        began = time.monotonic()
        outcome = await bench.pool.run(function)
        assert (outcome.error_type, outcome.duration_ms) == ("Sandbox.Timedout", 1000.0)
        assert time.monotonic() - began < most
