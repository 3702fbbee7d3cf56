"""What `router service` is about to do: this program, this config and what is there already, looked at."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import router
from router.cli import shipped
from router.cli.service_access import Account, warnings
from router.cli.service_files import ALL, DROP_IN, OVERRIDES, File, Needs, files, needs, refusals
from router.cli.service_host import Host
from router.cli.service_text import ours, settings, words
from router.errors import JournalError

if TYPE_CHECKING:
    from router.config.types import Config

State = Literal["missing", "same", "differs"]
_STORES: Final = ("/etc/credstore", "/run/credstore", "/usr/lib/credstore")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted, and how far that is from what is there."""

    needed: Needs
    files: tuple[tuple[File, State], ...]
    obsolete: tuple[Path, ...]  # files of ours that this config does not need
    refused: tuple[str, ...]  # why it cannot be
    foreign: tuple[str, ...]  # files that are there and are none of ours, a sentence each


def program() -> tuple[tuple[str, ...], list[Path]]:
    """How this program is called, and what it is made of."""
    called = Path(os.path.abspath(sys.argv[0]))  # noqa: PTH100 - resolve() would leave the environment it is installed in
    argv = (sys.executable, "-m", "router.cli") if called.name == "__main__.py" else (str(called),)
    return argv, [Path(argv[0]), Path(sys.prefix), Path(sys.base_prefix), Path(router.__file__).parent]


def planned(config: Path, host: Host) -> Plan:
    """Read the config and look. Raises ConfigError with its mistakes."""
    overrides = settings(text for path in host.drop_ins(OVERRIDES) if path != DROP_IN and (text := host.text(path)))
    with _surroundings(overrides):
        read = _read(config, host)
    argv, parts = program()
    kept = [part for part in parts if host.root is None or part.is_relative_to(host.root) or str(part) == argv[0]]
    needed = needs(read, argv, kept, host.there, host.real)
    refused = refusals(needed, overrides)
    try:
        wanted = files(needed, shipped.units())
    except ValueError:  # which is among what is refused
        wanted = []
    states = tuple((file, _state(host, file)) for file in wanted)
    return Plan(needed, states, tuple(_obsolete(host, wanted) if wanted else ()), tuple(refused), tuple(_foreign(host, wanted)))


def _read(config: Path, host: Host) -> "Config":
    """The config, with what the API declared where that is for us to see: it lies in the state, which is the service's anyway."""
    from router.daemon import check  # noqa: PLC0415 - imports the daemon

    try:
        return check(config, () if host.root else None)
    except JournalError:
        if os.geteuid() == 0:
            raise
        return check(config, ())


def _state(host: Host, file: File) -> State:
    text = host.text(file.path)
    return "missing" if text is None else "same" if text == file.text else "differs"


def installed(host: Host) -> dict[Path, str]:
    """The files of ours that are there, with their texts."""
    found = {path: host.text(path) for path in ALL}
    return {path: text for path, text in found.items() if text is not None and ours(text)}


def _obsolete(host: Host, wanted: Sequence[File]) -> Iterator[Path]:
    names = {file.path for file in wanted}
    yield from (path for path in installed(host) if path not in names)


def _foreign(host: Host, wanted: Sequence[File]) -> Iterator[str]:
    for file in wanted:
        text = host.text(file.path)
        if text is not None and not ours(text):
            kind = "another one, not event-router's" if text else "masked or empty"
            yield f"{file.path} is {kind}; --force overwrites it"


def doubts(plan: Plan, host: Host) -> list[str]:
    """What the service would not be allowed to use, a sentence each. The daemon of own users is root and may."""
    if plan.needed.users:
        return []
    places = [place for place in plan.needed.places if not place.mount or host.mounted(place.real)]
    return warnings(places, host.account() or Account(), host.look)


@contextmanager
def _surroundings(overrides: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """The variables and the credentials that the operator's drop-ins give the service, while its config is read."""
    before = dict(os.environ)
    pairs = (pair.partition("=") for value in overrides.get("Environment", ()) for pair in words(value))
    os.environ.update({name: value for name, equals, value in pairs if name and equals})
    try:
        with tempfile.TemporaryDirectory(prefix="event-router-") as directory:
            if _credentials(overrides, Path(directory)):
                os.environ["CREDENTIALS_DIRECTORY"] = directory
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _credentials(overrides: Mapping[str, Sequence[str]], directory: Path) -> bool:
    """Links to what LoadCredential= loads from files, in *directory*; whether there are any."""
    for value in overrides.get("LoadCredential", ()):
        name, _, path = value.partition(":")
        source = Path(path) if path else next((Path(store, name) for store in _STORES if Path(store, name).exists()), Path("/nowhere"))
        if "/" not in name and not (directory / name).is_symlink():
            (directory / name).symlink_to(source)
    return bool(overrides.get("LoadCredential"))
