"""Where things lie on this machine: what a sandbox hides and what it shows, from the config and the disk."""

import os
import stat
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import router
from router.config.references import files_in
from router.config.types import Config, Function
from router.credentials import roles
from router.iam import directories
from router.iam.policy import Policy
from router.runtime.sandbox_controls import Users
from router.runtime.sandbox_plan import Needs, Site

_SYSTEM: Final = ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/proc", "/sys", "/dev", "/boot")


class Ground:
    """What a daemon's pool asks for whenever an environment starts; looked up once for each config that is in force."""

    def __init__(self, config: Callable[[], Config]) -> None:
        """*config*: as of now."""
        self._config = config
        self._seen: Config | None = None
        self._endpoint = 0
        self._users, self._site = Users(), Site()
        self._assigned: Mapping[str, int] = {}
        self._links: Mapping[Path, str] = {}  # code → where it lies: what a deployment turns to another tree

    def reach(self, port: int) -> None:
        """The AWS endpoint is at this port."""
        self._endpoint, self._seen = port, None

    def site(self) -> Site:
        """Where things lie."""
        self._look()
        if any(_real(code) != lay for code, lay in self._links.items()):
            self._seen = None
            self._look()
        return self._site

    def users(self) -> Mapping[str, int]:
        """Function → the user that it runs as."""
        self._look()
        return self._assigned

    def _look(self) -> None:
        config = self._config()
        if config is not self._seen:
            confined = [name for name, function in config.functions.items() if function.isolation != "none"]
            self._site, self._assigned = (
                _reached(site(config), self._endpoint),
                self._users.assigned(confined, config.users),
            )
            codes = [function.code for function in config.functions.values()]
            self._links = {code: lies for code in codes if (lies := _real(code)) != str(code)}
            self._seen = config


def _reached(site: Site, port: int) -> Site:
    """With the AWS endpoint at this port."""
    return replace(site, endpoint=port, uses={role: replace(one, endpoint=port) for role, one in site.uses.items()})


def site(config: Config) -> Site:
    """Of a daemon with this config."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    tables = {_real(table.sqlite.parent) for table in config.tables.values()}
    buckets = {name: str(bucket.lies or _real(bucket.path)) for name, bucket in config.buckets.items()}
    made = {path for name, path in buckets.items() if config.owners.get(("buckets", name)) == "api"}  # for who has a role that opens them
    codes = frozenset(map(_real, {place for function in config.functions.values() for place in (function.code, *function.layers)}))
    state, file = _real(config.state), _real(config.file)
    found = Site(
        state=state,
        config=file,
        credentials=_real(credentials) if credentials else "",
        secrets=frozenset(filter(_private, (_real(config.file.parent / name) for name in files_in(config.text) if "\0" not in name))),
        codes=codes,
        shared=frozenset(({*buckets.values()} - made) | tables),
        denied=frozenset(made - tables),
        runtime=runtime(),
        own=frozenset(path for path in runtime() if os.access(path, os.W_OK)),
        movable=movable((state, file, *codes, *runtime()), _real(config.file.parent)),
        declared=frozenset(name for (section, name), owner in config.owners.items() if section == "functions" and owner == "api"),
    )
    return replace(found, uses={name: _opened(found, buckets, tables, policy, config.account) for name, policy in roles(config).items()})


def _private(path: str) -> bool:
    """Whether a file is its owner's alone: one that everybody may read is no secret, and may be what others need."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  # as all here
    except OSError:
        return False
    return stat.S_ISREG(mode) and not mode & 0o044


def movable(places: Iterable[str], project: str) -> frozenset[str]:
    """The directories above them that the daemon's user could rename. Root could rename all: of those only what lies in *project*, and that.

    All without links."""
    looked: set[str] = set()
    for place in places:
        path = place.rpartition("/")[0]
        while path.count("/") > 1 and path not in looked:
            looked.add(path)
            path = path.rpartition("/")[0]
    if os.geteuid() == 0:
        return frozenset(path for path in looked if path == project or path.startswith(f"{project}/"))
    return frozenset(path for path in looked if os.access(path.rpartition("/")[0], os.W_OK))


def _opened(site: Site, buckets: Mapping[str, str], tables: Collection[str], policy: Policy, account: str) -> Site:
    """*site* as a role opens it: directories of buckets by what the role allows of the whole bucket."""
    uses = {path: directories.use(policy, name, account) for name, path in buckets.items()}
    by = {how: {path for path, one in uses.items() if one == how} for how in ("hide", "read", "write")}
    shared = by["write"] | set(tables)
    return replace(site, shared=frozenset(shared), readable=frozenset(by["read"] - shared), denied=frozenset(by["hide"] - shared))


@cache
def runtime() -> tuple[str, ...]:
    """What our own interpreter and bootstraps read."""
    ours: tuple[str | Path, ...] = (
        sys.base_prefix,
        Path(sys.prefix) / "bin",  # sys.executable of a virtual environment, which functions start programs with
        Path(sys.prefix) / "pyvenv.cfg",
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
        Path(router.__file__).parent,
    )
    return tuple(dict.fromkeys(map(_real, ours)))


def needs(function: Function, spec: Mapping[str, Any]) -> Needs:
    """Of one function; *spec*: its runtime's message (see assignment.py). It may name "reads"."""
    reads = [*spec.get("reads", ()), *([spec["packages"]] if "packages" in spec else ())]
    if spec.get("argv"):
        program = os.path.abspath(spec.get("path") or spec["argv"][0])  # noqa: PTH100  # as it is, and what it leads to
        reads += [_prefix(program), _prefix(_real(program))]
    given = [str(function.code), str(spec["code"])]
    code = _real(spec["code"])
    reads += [path for path in given if path != code]
    opt = _real(function.opt) if function.opt else ""
    reads += [opt] if opt else []
    reads += [_real(path) for path in reads]  # a link leads to nothing that is not shown where it is
    writes = tuple(_declared(function.environment))
    return Needs(code, tuple(dict.fromkeys(map(str, reads))), writes, opt, _closed([code, *map(str, reads), *writes, *runtime()]))


def _declared(environment: Mapping[str, str]) -> dict[str, None]:
    """Directories that a function's variables name, or name a file in."""
    found: dict[str, None] = {}
    for value in environment.values():
        if not value.startswith("/") or "\0" in value:
            continue
        path = _real(value)
        path = path if os.path.isdir(path) else os.path.dirname(path)  # noqa: PTH112, PTH120
        if path != "/" and os.path.isdir(path) and not any(path == top or path.startswith(f"{top}/") for top in _SYSTEM):  # noqa: PTH112
            found[path] = None
    return found


def _closed(paths: list[str]) -> tuple[str, ...]:
    """The topmost directory above each that not everybody may pass through, the root aside."""
    passable: dict[str, bool] = {}
    found: dict[str, None] = {}
    for path in paths:
        above = ""
        for name in path.split("/")[1:-1]:
            above = f"{above}/{name}"
            if above not in passable:
                passable[above] = _passable(above)
            if not passable[above]:
                found[above] = None
                break
    return tuple(found)


def _passable(directory: str) -> bool:
    try:
        mode = os.stat(directory).st_mode  # noqa: PTH116  # for every environment that starts
    except OSError:
        return True
    return not stat.S_ISDIR(mode) or bool(mode & 0o001)


def _prefix(program: str) -> str:
    """Where a program and what belongs to it is installed: its own file, or what its bin directory lies in."""
    directory = os.path.dirname(program)  # noqa: PTH120
    return os.path.dirname(directory) if os.path.basename(directory) == "bin" and directory.count("/") > 1 else program  # noqa: PTH119, PTH120


def _real(path: Path | str) -> str:
    return os.path.realpath(path)
