"""What a service of this config is made of: which files with which text, what it writes, what it could not see. Pure.

docs/service.md says it to people; the shipped texts are those below systemd/."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from router.cli.service_text import MARK, command, quoted, settings, unspeakable, words
from router.config.settings import AWS, CONSOLE, HTTP
from router.config.types import Config

SYSTEM: Final = Path("/etc/systemd/system")
SERVICE: Final = SYSTEM / "router.service"
OVERRIDES: Final = SYSTEM / "router.service.d"
DROP_IN: Final = OVERRIDES / "10-event-router.conf"  # before override.conf, which `systemctl edit` writes
ACCOUNT: Final = Path("/etc/sysusers.d/router.conf")
DIRECTORIES: Final = Path("/etc/tmpfiles.d/router.conf")
SOCKETS: Final = {name: SYSTEM / f"router{'' if name == 'http' else f'-{name}'}.socket" for name in ("http", "aws", "console")}
ALL: Final = (ACCOUNT, DIRECTORIES, SERVICE, *SOCKETS.values(), DROP_IN)

SPARE: Final = 15  # seconds from the end of the drain to the kill
_ADDRESSES: Final = {"http": str(HTTP), "aws": str(AWS), "console": str(CONSOLE)}
_TITLES: Final = {"http": "HTTP listener", "aws": "AWS endpoint", "console": "console"}
_HOMES: Final = tuple(map(Path, ("/home", "/root", "/run/user")))  # ProtectHome=
_TEMPORARY: Final = tuple(map(Path, ("/tmp", "/var/tmp")))  # noqa: S108 - PrivateTmp=: those that nobody may mean

Use = Literal["program", "config", "code", "state", "data", "database", "socket"]
_WRITTEN: Final = frozenset({"state", "data", "socket"})


@dataclass(frozen=True, slots=True)
class Place:
    """A path that the service has to do with."""

    what: str  # in the config's words: buckets.inbox
    path: Path
    use: Use
    real: Path = Path()  # without symlinks
    make: bool = False  # a directory that install makes when it is missing
    mount: bool = False  # lies on what has to be mounted first


@dataclass(frozen=True, slots=True)
class File:
    """A file of the service."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What this machine and this config ask of the service."""

    program: tuple[str, ...]  # how this program is called
    places: tuple[Place, ...]
    config: Path
    drain: float = 30.0  # seconds
    users: bool = False  # functions run as users of their own
    sockets: tuple[str, ...] = ()  # the listeners that systemd holds


Moved = Callable[[Path], Path]


def _same(path: Path) -> Path:
    return path


def needs(config: Config, program: tuple[str, ...], parts: Iterable[Path], moved: Moved = _same, real: Moved = _same) -> Needs:
    """Those of *config*. *parts*: what *program* is made of, files and directories; *moved*: a path as the service will know it, *real*: the
    same without symlinks."""
    listeners = {"http": config.http, "aws": config.aws, "console": config.console}
    found = [Place("the program", part, "program") for part in parts] + [Place("the config", config.file, "config"), *_places(config)]
    found += [Place(f"listen.{name}", one.path.parent, "socket") for name, one in listeners.items() if one.kind == "unix"]
    return Needs(
        tuple(str(moved(Path(word))) if word.startswith("/") else word for word in program),
        tuple(replace(place, path=moved(place.path), real=real(place.path)) for place in found),
        moved(config.file),
        config.drain,
        config.users is not None,
        tuple(name for name, one in listeners.items() if one.kind == "systemd"),
    )


def _places(config: Config) -> Iterator[Place]:
    """What the config names, functions first; a directory that is to be mounted, and all below it, is not ours to make."""
    mounts = [bucket.path for bucket in config.buckets.values() if bucket.mount == "required"]
    for function in config.functions.values():
        named = [("code", function.code), *(("layers", layer) for layer in function.layers)]
        named += [("runtime", function.python)] if function.python is not None else []
        named += [("command", Path(function.command[0]))] if function.command and function.command[0].startswith("/") else []
        yield from (Place(f"functions.{function.name}.{key}", path, "code") for key, path in named)
    yield Place("state", config.state, "state", make=True)
    written = [(f"buckets.{bucket.name}", bucket.path) for bucket in config.buckets.values()]
    written += [(f"buckets.{bucket.name}.after.move", bucket.goal) for bucket in config.buckets.values() if bucket.after == "move"]
    written += [(f"tables.{table.name}", table.sqlite.parent) for table in config.tables.values()]
    yield from (Place(f"tables.{table.name}.sqlite", table.sqlite, "database") for table in config.tables.values())
    for what, path in written:
        mount = any(path.is_relative_to(above) for above in mounts)
        yield Place(what, path, "data", make=not mount, mount=mount)


def files(needed: Needs, shipped: Mapping[str, str]) -> list[File]:
    """All files of the service, in the order in which they are written. *shipped*: name below systemd/ → its text.

    Raises ValueError for a path that no unit can name."""
    found = [
        File(ACCOUNT, shipped["sysusers.d/router.conf"]),
        File(DIRECTORIES, shipped["tmpfiles.d/router.conf"]),
        File(SERVICE, shipped["router.service"]),
    ]
    found += [File(SOCKETS[name], _socket(name, shipped["router.socket"])) for name in needed.sockets]
    lines = list(_drop_in(needed, shipped))
    head = f"# {MARK}, which writes it anew: changes of yours belong in `systemctl edit router`."
    return [*found, File(DROP_IN, "\n".join((head, "[Service]", *lines, "")))] if lines else found


def _socket(name: str, shipped: str) -> str:
    """The unit of the socket of this listener: a unit gives all its descriptors one name, so each listener has its own."""
    if name == "http":
        return shipped
    text = shipped.replace(_TITLES["http"], _TITLES[name]).replace("{http: systemd}", f"{{{name}: systemd}}")
    text = text.replace(f"ListenStream={_ADDRESSES['http']}", f"ListenStream={_ADDRESSES[name]}")
    return text.replace("FileDescriptorName=http", f"FileDescriptorName={name}\nService={SERVICE.name}")


def _drop_in(needed: Needs, shipped: Mapping[str, str]) -> Iterator[str]:
    """What is other than in the shipped unit."""
    unit = settings([shipped["router.service"]])
    for key, verb in (("ExecStart", "run"), ("ExecReload", "reload")):
        line = command((*needed.program, verb, "--config", str(needed.config)))
        if unit[key] != [line]:
            yield from (f"{key}=", f"{key}={line}")
    for path in writable(needed, unit):
        yield f"ReadWritePaths={quoted(f'-{path}')}"
    if (stop := math.ceil(needed.drain) + SPARE) > int(unit["TimeoutStopSec"][0]):
        yield f"TimeoutStopSec={stop}"
    if needed.users:
        body = shipped["drop-ins/own-users.conf"].partition("[Service]\n")[2]
        yield from body.rstrip("\n").split("\n")


def writable(needed: Needs, unit: Mapping[str, Sequence[str]]) -> list[Path]:
    """The directories that the service writes beyond those that *unit* lets it; none lies in another."""
    let = [Path(word.lstrip("-")) for value in unit.get("ReadWritePaths", ()) for word in words(value)]
    let += [Path("/var/lib", name) for name in unit.get("StateDirectory", ())] + [
        Path("/run", name) for name in unit.get("RuntimeDirectory", ())
    ]
    found: list[Path] = []
    for path in sorted({place.real for place in needed.places if place.use in _WRITTEN}):
        if not any(path.is_relative_to(above) for above in (*let, *found)):
            found.append(path)
    return found


def refusals(needed: Needs, overrides: Mapping[str, Sequence[str]]) -> list[str]:
    """Why this cannot be a service, a sentence each: paths that it would not see, or that no unit can name.

    *overrides*: what the operator's own drop-ins set; what they show is not hidden."""
    found = dict.fromkeys(_unsaid(needed))
    found |= dict.fromkeys(filter(None, (_hidden(place, overrides) for place in needed.places)))
    return list(found)


def _unsaid(needed: Needs) -> Iterator[str]:
    named = [(place.what, path) for place in needed.places if place.use in {"config", *_WRITTEN} for path in (place.path, place.real)]
    for what, path in named:
        if fault := unspeakable(str(path)):
            yield f"{what}: {str(path)!r} {fault}, which a unit cannot name; rename it"
    try:
        command(needed.program)
    except ValueError as error:
        yield f"the program: {error}, which a unit cannot name; install it elsewhere"


def _hidden(place: Place, overrides: Mapping[str, Sequence[str]]) -> str:
    """What to say of a place that the service would not see; "" when it sees it."""
    shown = [
        Path(word.lstrip("-").split(":")[0])
        for key in ("BindPaths", "BindReadOnlyPaths")
        for v in overrides.get(key, ())
        for word in words(v)
    ]
    if place.use == "database":  # seen where its directory is
        return ""
    for key, tops in (("ProtectHome", _HOMES), ("PrivateTmp", _TEMPORARY)):
        if overrides.get(key, ["yes"])[-1:] in (["no"], ["false"], ["off"], ["0"], ["read-only"]):
            continue
        for path in (place.path, place.real):
            top = next((top for top in tops if path.is_relative_to(top)), None)
            if top is not None and not any(path.is_relative_to(one) for one in shown):
                return f"{place.what}: {path} is below {top}, which the service does not see ({key}=yes): {_remedy(place, path, key)}"
    return ""


def _remedy(place: Place, path: Path, key: str) -> str:
    if place.use == "program":
        return "install it elsewhere, and with a Python that is: /usr/bin/python3 -m venv /opt/event-router/.venv"
    if place.use == "config":
        return "move it, and what it names relative to itself, to /etc/event-router"
    goal = {"code": "/etc/event-router/handlers", "state": "/var/lib/event-router", "socket": "/run/event-router"}.get(
        place.use, "/srv/event-router"
    )
    bind = "BindReadOnlyPaths" if place.use == "code" else "BindPaths"
    lines = (f"{key}=tmpfs and " if key == "ProtectHome" else "") + f"{bind}={quoted(str(path))}" if not unspeakable(str(path)) else ""
    return f"move it below {goal}" + (f", or show it: {lines} in the section [Service] of {OVERRIDES}/show.conf" if lines else "")
