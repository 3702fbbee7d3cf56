"""What every test runs under: a test that needs a program says which, and where all programs are promised none may be missing."""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # a busy processor is no counterexample
settings.load_profile("any machine")

REQUIRE_ALL = os.environ.get("ROUTER_REQUIRE_ALL", "") not in {"", "0"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With ROUTER_REQUIRE_ALL=1 the skip of a test marked `server` is a failure: its reason is the line that installs what is missing."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("server") is not None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        report.outcome = "failed"
        report.longrepr = f"skipped, and ROUTER_REQUIRE_ALL is set: {reason.removeprefix('Skipped: ')}"
    return report
