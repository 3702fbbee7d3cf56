"""What only shows when all of config.yaml is known: directories in one another, reserved concurrency; and what is odd but works."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from router.config.node import Node
from router.config.types import Config, Exposed


def check(config: Config, top: Node) -> None:
    """Note on *top* what does not go together."""
    _nested(config, top)
    _reserved(config, top)


def _nested(config: Config, top: Node) -> None:
    """No bucket lies in another (a file would be an object of both), nor has to do with the state directory."""
    written = {name: node for name, node in _bucket_nodes(top) if node.scalar or node.has("path")}
    places = {os.path.realpath(config.buckets[name].path): name for name in reversed(written)}  # of two in one place, the first
    state = os.path.realpath(config.state)
    for name, node in written.items():
        at = "" if node.scalar else "path"
        here = os.path.realpath(config.buckets[name].path)
        if places[here] != name:
            node.problem(f"bucket {places[here]} has the same directory", at)
        outer = next((places[above] for above in map(str, Path(here).parents) if above in places), "")
        if outer:
            node.problem(f"lies inside the directory of bucket {outer}; a file would be an object of both", at)
        if state == here or state.startswith(here.rstrip("/") + "/"):
            top.problem(f"lies inside bucket {name}; journal and logs would be objects", "state")
        elif here.startswith(state + "/"):
            node.problem("lies inside the state directory, which is the daemon's own", at)


def _bucket_nodes(top: Node) -> list[tuple[str, Node]]:
    buckets = top.child("buckets")
    return [(name, node) for name, node in buckets.items() if not node.empty] if buckets else []


def _reserved(config: Config, top: Node) -> None:
    """Reservations fit into limits.concurrency and leave a slot for functions without one."""
    total, limit = 0, config.limits.concurrency
    free = sum(function.reserved_concurrency is None for function in config.functions.values())
    functions = top.child("functions")
    for name, function in config.functions.items():
        total += function.reserved_concurrency or 0
        node = functions.child(name) if functions else None
        if node is None or not function.reserved_concurrency or total + bool(free) <= limit:
            continue
        rest = ", and functions without a reservation need at least 1" if free else ""
        node.problem(f"all reservations up to here come to {total} of {limit} (limits.concurrency){rest}", "reserved_concurrency")
        return


def notes(config: Config) -> tuple[str, ...]:
    """What works but that an operator may not expect, one sentence each; looks at the disk."""
    return tuple(_notes(config))


def exposures(config: Config) -> tuple[str, ...]:
    """What stands open to strangers, one sentence each."""
    triggers = [(function.name, trigger) for function in config.functions.values() for trigger in function.triggers]
    return tuple(
        f"functions.{name}: {note}" for name, trigger in triggers if isinstance(trigger, Exposed) for note in trigger.notes(config.http)
    )


def _notes(config: Config) -> Iterator[str]:
    if _mode(config.file) & stat.S_IWOTH:
        yield f"{config.file.name} can be changed by every user of this machine; chmod o-w {config.file}"
    for bucket in config.buckets.values():
        if not bucket.path.exists():
            then = "nothing is scanned until it is mounted" if bucket.mount == "required" else "it will be created"
            yield f"buckets.{bucket.name}: {bucket.path} does not exist; {then}"
        elif config.file.is_relative_to(bucket.path):
            yield f"buckets.{bucket.name}: {config.file.name} lies inside the bucket; functions can change it"
    for table in config.tables.values():
        if not table.sqlite.exists():
            yield f"tables.{table.name}: {table.sqlite} does not exist; the feed waits for it"
    yield from exposures(config)
    if not config.functions:
        yield "functions: none; there is nothing to run"


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0
