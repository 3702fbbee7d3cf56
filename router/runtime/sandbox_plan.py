"""What one environment's sandbox is made of: the message that spawner and worker act on. Pure.

Facts in: the controls that work (sandbox_controls.py), where things lie (Site), what the runtime reads. Paths are absolute, without
symbolic links."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from router.config.types import Function
from router.runtime.sandbox_controls import Machine, effective
from router.runtime.sandbox_enter import PORT

MB: Final = 2**20
PROCESSES: Final = 1024  # processes and threads of an environment, as on AWS
BOUNDLESS: Final = 1 << 50  # bytes
TMP: Final = ("/tmp", "/var/tmp")  # noqa: S108
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/sys", "/run/systemd/resolve")
_OTHERS: Final = ("/home", "/root", "/srv", "/mnt", "/media", "/run", "/boot")  # what strict leaves nothing of but what is declared
_SECRET: Final = (
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/sudoers",
    "/etc/sudoers.d",
)
_FIXED: Final = ("/usr", "/etc", "/boot")  # read-only where a function is root: it owns them
_WRITABLE: Final = ("/proc", "/dev/shm")  # noqa: S108


@dataclass(frozen=True, slots=True)
class Site:
    """Where things lie that functions may, or may not, reach."""

    state: str = ""
    config: str = ""  # the file; "" for none
    credentials: str = ""  # systemd's directory of secrets; "" for none
    secrets: frozenset[str] = frozenset()  # private files that the config has secrets from
    codes: frozenset[str] = frozenset()  # every function's code, and layers
    shared: frozenset[str] = frozenset()  # buckets, directories of tables: to read and write
    runtime: tuple[str, ...] = ()  # what interpreters and our own bootstrap read
    own: frozenset[str] = frozenset()  # of that what the daemon's user could write: the daemon is made of it
    readable: frozenset[str] = frozenset()  # of those buckets: to read only
    denied: frozenset[str] = frozenset()  # other buckets
    movable: frozenset[str] = frozenset()  # directories above the daemon's own and functions' code that its user could rename
    declared: frozenset[str] = frozenset()  # functions that the API declared: whoever may do that is not the machine's operator
    uses: Mapping[str, "Site"] = field(default_factory=dict, compare=False)  # role → the same for functions that have it
    endpoint: int = 0  # the port of the AWS endpoint, which is reached from networks of their own too; 0: there is none

    def of(self, function: Function) -> "Site":
        """As the function may use it: one with a role, by its role."""
        return self.uses.get(function.role, self)

    @property
    def project(self) -> str:
        """The directory of the config file."""
        return self.config.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Needs:
    """What one function reads and writes beside what all do."""

    code: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    layers: str = ""  # the tree that is to be /opt
    closed: tuple[str, ...] = ()  # directories above all these that not everybody may pass through


def plan(machine: Machine, site: Site, function: Function, needs: Needs, *, room: str) -> dict[str, Any] | None:
    """The message; None when nothing confines it but what always does. *room*: the environment's name."""
    if function.isolation == "none":
        return None
    site = site.of(function)
    if function.name not in site.declared:  # what its variables name is its own to read
        site = replace(site, secrets=site.secrets.difference(function.environment.values()))
    needs = replace(needs, writes=_opened(site, function, needs))
    strict, namespaces = function.isolation == "strict", machine.works("namespaces")
    offline = "no_network" in function.require
    own = machine.users.get(function.name) if effective(machine, function, "own_user") else None
    listens = offline and namespaces and function.runtime.startswith("provided")
    found: dict[str, Any] = {
        "room": room,
        "namespaces": namespaces,
        "offline": offline,
        "listen": listens,
        "endpoint": site.endpoint if offline and namespaces and not (listens and site.endpoint == PORT) else 0,
        "seccomp": machine.works("seccomp"),
        "landlock": machine.found.get("landlock_abi", 0),
        "user": own,
        "processes": PROCESSES,
        "storage": function.ephemeral_storage * MB,
        "memory": (function.memory + (function.ephemeral_storage if namespaces else 0)) * MB,  # a tmpfs counts as memory
    }
    root = bool(machine.found.get("root")) and own is None
    if namespaces:
        found["view"] = {"steps": steps(site, needs, strict=strict, root=root, apart=own is not None), "opt": needs.layers}
    if strict:
        found["rules"] = rules(site, needs)
    elif not namespaces:
        found["all_but"] = _topmost(hidden(site, needs) | site.readable)
        found["rules"] = [(path, False) for path in (needs.code, *needs.reads, *sorted(site.readable))]
    return found


def _opened(site: Site, function: Function, needs: Needs) -> tuple[str, ...]:
    """What a function's variables open: nothing where the API wrote them, never what is the daemon's own."""
    if function.name in site.declared:
        return ()
    return tuple(path for path in needs.writes if not _within(path, site.state, site.credentials))


def hidden(site: Site, needs: Needs) -> set[str]:
    """What the function does not see: the daemon's own, other functions' code unless it is this one's too, buckets its role does not open."""
    others = {code for code in site.codes if not _within(code, needs.code)}
    return ({site.state, site.config, site.credentials} | site.secrets | others | site.denied) - {""}


def steps(site: Site, needs: Needs, *, strict: bool, root: bool, apart: bool = False) -> list[tuple[str, str]]:
    """How the view is made, from the top of the tree down: (path, hide | read | write | tmp | pin).

    *apart*: as a user of its own, who passes through no closed directory: of those only what is shown is there."""
    table: dict[str, str] = dict.fromkeys(needs.closed, "hide") if apart else {}
    if strict:
        table |= dict.fromkeys((*_OTHERS, *_SECRET, site.project or site.state), "hide")
    if root:
        table |= dict.fromkeys(_FIXED, "read")
    table |= dict.fromkeys(hidden(site, needs), "hide") | dict.fromkeys(TMP, "tmp")
    if not strict and _within(site.project, *TMP) and not (apart and _within(site.project, *needs.closed)):
        table[site.project] = "write"  # what stands beside a config in /tmp is meant for its functions
    table |= dict.fromkeys((*site.runtime, *needs.reads), "read")
    table |= dict.fromkeys(site.readable, "read") | dict.fromkeys((*site.shared, *needs.writes), "write")
    table |= dict.fromkeys({site.state, site.config, site.credentials} - {""}, "hide")
    table[needs.code] = "read"
    if strict:
        table["/run/systemd/resolve"] = "read"
    fixed = {needs.code, *site.own, *site.readable, *(_FIXED if root else ())}  # everything else that is not hidden is as it is
    covered = [path for path, how in table.items() if how in {"hide", "tmp", "read"}]
    kept = {path: how for path, how in table.items() if how in {"hide", "tmp"} or path in fixed}
    kept |= {
        path: how for path, how in table.items() if path not in kept and any(_within(path, other) for other in covered if other != path)
    }
    kept |= {path: "pin" for path in site.movable if path not in kept and not _enclosed(path, kept)}
    return _shortened(sorted(kept.items(), key=lambda step: step[0].split("/")))


def _enclosed(path: str, table: Mapping[str, str]) -> bool:
    """Whether it lies where nobody can rename anything, or where that does not show outside."""
    while path:
        path = path.rpartition("/")[0]
        if path in table:
            return table[path] != "write"
    return False


def _shortened(ordered: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what needs no hiding, as it lies in what is hidden: a message to the spawner has a limit, and there may be many."""
    found: list[tuple[str, str]] = []
    above: list[tuple[str, str]] = []  # of the step in hand, the nearest last
    for path, how in ordered:
        while above and not _within(path, above[-1][0]):
            above.pop()
        if how == "hide" and above and above[-1][1] == "hide":
            continue
        above.append((path, how))
        found.append((path, how))
    return found


def _topmost(paths: Iterable[str]) -> list[str]:
    """Without those that lie in another."""
    return [path for path, _ in _shortened((path, "hide") for path in sorted(paths, key=lambda path: path.split("/")))]


def rules(site: Site, needs: Needs) -> list[tuple[str, bool]]:
    """The only files that isolation: strict leaves: (path, whether it may be written)."""
    reads: Sequence[str] = (*_SYSTEM, "/dev", *site.runtime, needs.code, *needs.reads, *sorted(site.readable))
    nodes = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty")
    writes: Iterable[str] = (*TMP, *_WRITABLE, *nodes, *sorted(site.shared), *needs.writes)
    return [*((path, False) for path in reads), *((path, True) for path in writes)]


def _within(path: str, *above: str) -> bool:
    return any(path == other or path.startswith(f"{other}/") for other in above if other)
