"""ROUTER_REQUIRE_ALL: a missing program is a failure where all programs are promised."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITE = """
import pytest

@pytest.mark.server
@pytest.mark.skipif(True, reason="a is missing: apt-get install a")
def test_by_mark(): pass

@pytest.mark.server
def test_by_call(): pytest.skip("b is missing: pip install b")

@pytest.fixture
def program(): pytest.skip("c is missing: pip install c")

@pytest.mark.server
def test_by_fixture(program): pass

@pytest.mark.server
@pytest.mark.xfail(reason="known", strict=True)
def test_expected_failure(): raise ValueError

def test_without_a_server(): pytest.skip("not root")
"""


@pytest.mark.parametrize(
    ("value", "told"),
    [("1", "1 failed, 1 skipped, 1 xfailed, 2 errors in"), ("0", "4 skipped, 1 xfailed in"), ("", "4 skipped, 1 xfailed in")],
)
def test_a_missing_program_is_a_failure_only_when_all_are_required(tmp_path: Path, value: str, told: str) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = server\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", str(tmp_path)]
    ours = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}  # five cases are not worth more processes
    done = subprocess.run(
        command, cwd=tmp_path, env={**ours, "ROUTER_REQUIRE_ALL": value}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == (1 if value == "1" else 0)
    assert done.stdout.splitlines()[-1].startswith(told), done.stdout
    for line in ("apt-get install a", "pip install b", "pip install c"):
        assert (f"ROUTER_REQUIRE_ALL is set: {line[-1]} is missing: {line}" in done.stdout) == (value == "1")
