"""What only shows when all of config.yaml is known: directories in one another, reserved concurrency; and what is odd but works."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from router.config import handler
from router.config.hiding import Hiding
from router.config.node import Node
from router.config.overlaps import overlaps, within
from router.config.types import Bucket, Config, Exposed

_SQLITE: Final = b"SQLite format 3\0"  # how a database begins; sqlite.org, "Database File Format"
_AMISS: Final = {
    "same": "bucket {} has the same directory",
    "inside": "lies inside the directory of bucket {}; a file would be an object of both",
    "in state": "lies inside the state directory, which is the daemon's own",
}
_AT_HTTP: Final = frozenset({"http", "url", "webhook"})  # words of triggers


def check(config: Config, top: Node) -> None:
    """Note on *top* what does not go together."""
    _listeners(config, top)
    _nested(config, top)
    _goals(config, top)
    _databases(config, top)
    _reserved(config, top)
    _provisioned(config, top)
    _memory(config, top)
    _users(config, top)


def _listeners(config: Config, top: Node) -> None:
    """The daemon's commands come over a socket in the state directory, which is no listener's."""
    form = top.child("listen")
    for key, where in (("http", config.http), ("aws", config.aws), ("console", config.console)):
        if form is not None and where.kind == "unix" and where.path == config.state / "control.sock":
            form.problem("is the socket of the daemon's own commands; name another file", key)


def _nested(config: Config, top: Node) -> None:
    """No bucket lies in another (a file would be an object of both), nor has to do with the state directory."""
    if top.child("buckets") is None or top.document.readings.unchanged("buckets"):
        return
    written = {name: node for name, node in _bucket_nodes(top) if node.scalar or node.has("path")}
    places = {name: str(config.buckets[name].place) for name in written}
    for name, how, other in overlaps(places, os.path.realpath(config.state)):
        node = written[name]
        at = "" if node.scalar else "path"
        if how == "around state":
            top.problem(f"lies inside bucket {name}; journal and logs would be objects", "state")
        else:
            node.problem(_AMISS[how].format(other), at)


def _goals(config: Config, top: Node) -> None:
    """What is moved out of a bucket does not come in again by itself, and the state directory is the daemon's own."""
    for name, node in _bucket_nodes(top):
        bucket = config.buckets[name]
        after = None if node.scalar or bucket.after != "move" else node.child("after")
        if after is None:
            continue
        if within(str(bucket.goal), str(bucket.place)):
            after.problem(f"lies inside bucket {name} itself: what is moved there would be an object again", "move")
        elif within(str(bucket.goal), os.path.realpath(config.state)):
            after.problem(_AMISS["in state"], "move")


def _databases(config: Config, top: Node) -> None:
    """The database of a feed is nothing that the daemon keeps or runs: a feed writes to it, and what holds one is left out of code."""
    tables = top.child("tables")
    if tables is None or not config.tables or top.document.readings.unchanged("tables"):
        return
    own = {os.path.realpath(path): what for path, what in _no_data(config)}
    state = os.path.realpath(config.state)
    for name, table in config.tables.items():
        real = os.path.realpath(table.sqlite)
        node = tables.child(name)
        if node is not None and within(real, state):
            node.problem(_AMISS["in state"], "sqlite")
        elif node is not None and real in own:
            node.problem(f"is {own[real]}, no database", "sqlite")


def _no_data(config: Config) -> Iterator[tuple[Path, str]]:
    """Files that mean something else to the daemon, and what."""
    yield config.file, "the config itself"
    for name, function in config.functions.items():
        for path in (function.code, *function.layers, handler.source(function)):
            if path is not None:
                yield path, f"code of function {name}"


def _bucket_nodes(top: Node) -> list[tuple[str, Node]]:
    buckets = top.child("buckets")
    return [(name, node) for name, node in buckets.items() if not node.empty] if buckets else []


def _reserved(config: Config, top: Node) -> None:
    """Reservations fit into limits.concurrency and leave a slot for functions without one."""
    total, limit = 0, config.limits.concurrency
    free = sum(function.reserved_concurrency is None for function in config.functions.values())
    for name, function in config.functions.items():
        total += function.reserved_concurrency or 0
        if not function.reserved_concurrency or total + bool(free) <= limit or (node := _function(top, name)) is None:
            continue
        rest = ", and functions without a reservation need at least 1" if free else ""
        node.problem(f"all reservations up to here come to {total} of {limit} (limits.concurrency){rest}", "reserved_concurrency")
        return


def _users(config: Config, top: Node) -> None:
    """There is a user for each function that is to have one."""
    confined = sum(function.isolation != "none" for function in config.functions.values())
    if config.users is not None and (ids := config.users[1] - config.users[0] + 1) < confined:
        top.problem(f"{ids} of them for {confined} functions, and each needs one of its own; write a wider range", "users")


def _provisioned(config: Config, top: Node) -> None:
    """Provisioned concurrency is within the function's reservation, or within what is not reserved and leaves a slot there for the others."""
    limit = config.limits.concurrency
    rest = max(0, limit - sum(function.reserved_concurrency or 0 for function in config.functions.values()))
    others = any(function.reserved_concurrency is None and not function.provisioned_concurrency for function in config.functions.values())
    total = 0
    for name, function in config.functions.items():
        provisioned, reserved = function.provisioned_concurrency, function.reserved_concurrency
        if not provisioned or (node := _function(top, name)) is None:
            continue
        if reserved is not None and provisioned > reserved:
            node.problem(f"{provisioned} is more than the {reserved} of reserved_concurrency", "provisioned_concurrency")
        total += provisioned if reserved is None else 0
        if reserved is None and total + others > rest:
            free = ", and functions without any need at least 1" if others else ""
            node.problem(
                f"all provisioned concurrency up to here comes to {total} of {rest} that are not reserved{free}", "provisioned_concurrency"
            )
            return


def _memory(config: Config, top: Node) -> None:
    """What is provisioned fits into limits.memory, and beside it one environment of each function."""
    limit = config.limits.memory
    if limit is None:
        return
    held = 0
    for name, function in config.functions.items():
        node = _function(top, name)
        held += function.memory * function.provisioned_concurrency
        if node is not None and function.provisioned_concurrency and held > limit:
            node.problem(f"all that is provisioned up to here takes {held} of {limit} MB (limits.memory)", "provisioned_concurrency")
            return
    for name, function in config.functions.items():
        node = _function(top, name)
        if node is not None and not function.provisioned_concurrency and held + function.memory > limit:
            beside = f" beside the {held} MB of what is provisioned" if held else ""
            node.problem(
                f"{function.memory} MB never fit into the {limit} MB of limits.memory{beside}", "memory" if node.has("memory") else ""
            )


def _function(top: Node, name: str) -> Node | None:
    functions = top.child("functions")
    return functions.child(name) if functions else None


def notes(config: Config) -> tuple[str, ...]:
    """What works but that an operator may not expect, one sentence each; looks at the disk."""
    return tuple(map(Hiding(config.given).hidden, _notes(config)))


def exposures(config: Config) -> tuple[str, ...]:
    """What stands open to strangers, one sentence each."""
    triggers = [(function.name, trigger) for function in config.functions.values() for trigger in function.triggers]
    kinds = {kind for kind in {type(trigger) for _, trigger in triggers} if issubclass(kind, Exposed)}  # asked once: it is slow
    exposed = [(name, cast("Exposed", trigger)) for name, trigger in triggers if type(trigger) in kinds]
    return tuple(f"functions.{name}: {note}" for name, trigger in exposed for note in trigger.notes(config.http))


def _notes(config: Config) -> Iterator[str]:
    if _mode(config.file) & stat.S_IWOTH:
        yield f"{config.file.name} can be changed by every user of this machine; chmod o-w {config.file}"
    yield from _of_buckets(config)
    for table in config.tables.values():
        if wrong := _no_database(table.sqlite):
            yield f"tables.{table.name}: {table.sqlite} {wrong}; the feed waits for it"
    for name, function in config.functions.items():
        if doubt := handler.doubt(function):
            yield f"functions.{name}.handler: {doubt}"
    yield from exposures(config)
    yield from _switched_off(config)
    if not config.functions:
        yield "functions: none; there is nothing to run"


def _no_database(path: Path) -> str:
    """Why there is no SQLite database at *path* to read; "" when there may be one, an empty file too."""
    try:
        if not path.is_file():
            return "is no file" if path.exists() else "does not exist"
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "" if start in {b"", _SQLITE} else "is no SQLite database"


def _of_buckets(config: Config) -> Iterator[str]:
    triggers = [trigger for function in config.functions.values() for trigger in function.triggers]
    read = {getattr(trigger, "bucket", "") for trigger in triggers if trigger.word == "s3"}
    for bucket in config.buckets.values():
        if bucket.after != "keep" and bucket.name not in read:
            yield f"buckets.{bucket.name}: after: no function is triggered by its objects, so none is ever {bucket.after}d"
        if wrong := _no_bucket(bucket, config.file):
            yield f"buckets.{bucket.name}: {wrong}"


def _no_bucket(bucket: Bucket, config: Path) -> str:
    """What an operator may not expect of the directory of a bucket; "" for nothing."""
    try:
        if not bucket.path.exists():
            then = "nothing is scanned until it is mounted" if bucket.mount == "required" else "it will be created"
            return f"{bucket.path} does not exist; {then}"
        if not bucket.path.is_dir():
            return f"{bucket.path} is no directory; there is nothing in the bucket until it is one"
    except OSError as error:
        return f"{bucket.path}: {error.strerror}; there is nothing in the bucket until that is mended"
    return f"{config.name} lies inside the bucket; functions can change it" if config.is_relative_to(bucket.path) else ""


def _switched_off(config: Config) -> Iterator[str]:
    """What waits for a listener that is off."""
    served = [name for name, one in config.functions.items() if any(trigger.word in _AT_HTTP for trigger in one.triggers)]
    if config.http.kind == "off" and served:
        yield f"listen.http is off: nobody reaches the routes, URLs and webhooks of {_some(served)}"
    in_roles = [name for name, one in config.functions.items() if one.role]
    if config.aws.kind == "off" and in_roles:
        yield f"listen.aws is off: there are no credentials for the roles of {_some(in_roles)}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0
