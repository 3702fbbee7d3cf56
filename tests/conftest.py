"""What every test runs under: a test that needs a program says which, and where all programs are promised none may be missing."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent

settings.register_profile("any machine", deadline=None)  # a busy processor is no counterexample
settings.load_profile("any machine")

LONGEST_FIRST = ("faults", "conformance", "integration")  # whose files take minutes: so two processes end at about the same time

REQUIRE_ALL = os.environ.get("ROUTER_REQUIRE_ALL", "") not in {"", "0"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where files are shared out among processes, those that take longest are begun first."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        items.sort(key=lambda item: _rank(item.path.relative_to(ROOT).parts[0]))


def _rank(room: str) -> int:
    return LONGEST_FIRST.index(room) if room in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With ROUTER_REQUIRE_ALL=1 the skip of a test marked `server` is a failure: its reason is the line that installs what is missing."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("server") is not None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        report.outcome = "failed"
        report.longrepr = f"skipped, and ROUTER_REQUIRE_ALL is set: {reason.removeprefix('Skipped: ')}"
    return report
