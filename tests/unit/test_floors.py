"""The house: a floor imports only floors below it; pure rooms import neither loop, clock, socket nor disk."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = {
    "errors": 0,
    "names": 0,
    "clock": 0,
    "model": 0,
    "disk": 0,
    "wildcards": 0,
    "regular": 0,
    "config": 1,
    "events": 1,
    "iam": 1,
    "templates": 1,
    "items": 1,
    "journal": 1,
    "telemetry": 2,
    "functions": 2,
    "buckets": 2,
    "queues": 2,
    "tables": 2,
    "web": 2,
    "credentials": 2,
    "sources": 3,
    "runtime": 3,
    "dispatch": 4,
    "api": 5,
    "console": 5,
    "daemon": 6,
    "cli": 7,
    "__main__": 8,
}
PURE = ("events", "iam", "items", "templates")
IMPURE = {"asyncio", "aiohttp", "socket", "subprocess", "sqlite3", "apsw", "threading", "apscheduler", "watchdog", "time", "os", "pathlib"}


def room_of(module: str) -> str:
    """The room of a dotted module name under router; "" for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module a file imports, anywhere in it, with its line; not those for the type checker alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            module = node.module or ""
            if module == "router":
                yield from ((node.lineno, f"router.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


def files() -> list[Path]:
    return sorted((ROOT / "router").rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", files(), ids=module_of)
def test_a_floor_imports_only_floors_below_it(path: Path) -> None:
    room = room_of(module_of(path))
    if not room:
        return
    assert room in FLOORS, f"router/{room} stands on no floor: give it one here and in docs/architecture.md"
    for line, module in imports(path):
        other = room_of(module)
        if not module.startswith("router.") or other == room or other not in FLOORS:
            continue
        if FLOORS[other] == FLOORS[room] == 0:
            continue  # the ground floor is one room
        assert FLOORS[other] < FLOORS[room], f"{path}:{line}: {room} (floor {FLOORS[room]}) imports {other} (floor {FLOORS[other]})"


@pytest.mark.parametrize("path", [p for p in files() if room_of(module_of(p)) in PURE], ids=module_of)
def test_pure_rooms_touch_neither_loop_nor_clock_nor_disk(path: Path) -> None:
    touched = {module.split(".")[0] for _, module in imports(path)} & IMPURE
    assert not touched, f"{path} imports {sorted(touched)}"


def test_every_room_of_the_house_is_checked() -> None:
    assert len(files()) > 20
    assert {room_of(module_of(path)) for path in files()} - {""} <= set(FLOORS)
