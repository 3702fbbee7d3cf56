"""docs/telemetry.md lists every event that the daemon logs and every metric it has, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from router.telemetry.setup import LEVELS

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = (ROOT / "docs/telemetry.md").read_text()


def calls() -> Iterator[tuple[ast.Attribute, str]]:
    """Every call of a method with a name of ours as its first argument."""
    for path in sorted((ROOT / "router").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute() as method, args=[ast.Constant(value=str(name)), *_]):
                    yield method, name


def direct() -> set[str]:
    """The events of loggers that have but one."""
    found = set()
    for path in sorted((ROOT / "router").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name("DirectLog"), args=[_, ast.Constant(value=str(name)), *_]):
                    found.add(name)
    return found


def documented(heading: str) -> set[str]:
    section = DOCUMENT.split(f"\n{heading}\n")[1].split("\n#")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_every_event_is_listed() -> None:
    logged = {name for method, name in calls() if method.attr in {*LEVELS, "exception", "critical"} and "log" in ast.unparse(method.value)}
    assert documented("### Events") - {"log_lines_dropped"} == logged | direct()


def test_every_metric_is_listed() -> None:
    made = {name for method, name in calls() if method.attr in {"counter", "gauge", "histogram"} and name.startswith("router_")}
    assert {name for name in documented("## Metrics") if not name.startswith("router_s3_")} == {
        name for name in made if not name.startswith("router_s3_")
    }
    assert made <= documented("## Metrics")
