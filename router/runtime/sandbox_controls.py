"""Which controls confine a function on this machine, whether that is enough for it, and what to do where it is not. Pure.

Facts in: what sandbox_probe.py found by trying, and what the config says. A control that a function needs and does not get refuses
that function alone."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from router.config.types import Function
from router.runtime.isolation import CONTROLS as ALWAYS

STRICT: Final = ("system_calls", "files", "pid_namespace", "private_tmp", "memory_limit", "process_limit")  # what isolation: strict needs
_ON_REQUEST: Final = frozenset({"no_network", "own_user"})  # not wanted unless somebody says so
_PROOF: Final = "tried in a child as the spawner started"
_NAMESPACES: Final = (
    "run the daemon as root, or let it make user namespaces: sysctl user.max_user_namespaces=15000, on Ubuntu also "
    "kernel.apparmor_restrict_unprivileged_userns=0, and RestrictNamespaces=user mnt pid net ipc in the unit"
)
_GROUPS: Final = "Delegate=memory pids in the unit (control groups version 2), or run the daemon as root"
_SEEN: Final = "no ProtectProc= in the unit, no hidepid= on /proc; or run the daemon as root"


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to confine functions with."""

    found: Mapping[str, Any] = field(default_factory=dict)  # see sandbox_probe.probe; empty: nothing
    users: Mapping[str, int] = field(default_factory=dict)  # function → the user that it runs as

    def works(self, name: str) -> bool:
        """Whether a trial went well."""
        return self.found.get(name) == ""

    def why(self, name: str) -> str:
        """What a trial said that did not."""
        return str(self.found.get(name, "the spawner does not run")) or "works"


class Verdict(NamedTuple):
    """One control, for one function."""

    works: bool
    how: str  # by what, or why not
    remedy: str


def _system_calls(machine: Machine, _: Function) -> Verdict:
    remedy = "a kernel with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64"
    return Verdict(machine.works("seccomp"), "a seccomp filter" if machine.works("seccomp") else machine.why("seccomp"), remedy)


def _files(machine: Machine, _: Function) -> Verdict:
    remedy = f"{_NAMESPACES}; or a kernel with Landlock"
    if machine.works("namespaces"):
        return Verdict(True, "a mount namespace" + (" and Landlock" if machine.works("landlock") else ""), remedy)
    if machine.works("landlock"):
        return Verdict(True, f"Landlock, version {machine.found['landlock_abi']}", remedy)
    return Verdict(False, f"{machine.why('namespaces')}; Landlock: {machine.why('landlock')}", remedy)


def _pid_namespace(machine: Machine, _: Function) -> Verdict:
    works = machine.works("namespaces")
    return Verdict(works, "a pid namespace with an init of its own" if works else machine.why("namespaces"), _NAMESPACES)


def _private_tmp(machine: Machine, _: Function) -> Verdict:
    works = machine.works("namespaces")
    return Verdict(works, "a tmpfs of ephemeral_storage" if works else machine.why("namespaces"), _NAMESPACES)


def _no_network(machine: Machine, function: Function) -> Verdict:
    if machine.works("network"):
        return Verdict(True, "a network namespace with nothing but lo", _NAMESPACES)
    if function.runtime.startswith("provided"):
        return Verdict(False, f"{machine.why('network')}; a custom runtime needs TCP to ask for events", _NAMESPACES)
    works = machine.works("seccomp")
    return Verdict(works, "a seccomp filter: Unix sockets only" if works else machine.why("network"), _NAMESPACES)


def _memory_limit(machine: Machine, function: Function) -> Verdict:
    groups = machine.found.get("groups", 0)
    if groups and not function.snap_start:  # the forks of one template are in one group, which is no limit to any of them
        return Verdict(True, f"control groups version {groups}" + (", and looked at every 100 ms" if machine.works("watch") else ""), _SEEN)
    works = machine.works("watch")
    return Verdict(works, "looked at every 100 ms while it runs" if works else machine.why("watch"), _GROUPS if works else _SEEN)


def _process_limit(machine: Machine, function: Function) -> Verdict:
    if machine.found.get("groups"):
        return Verdict(True, f"control groups version {machine.found['groups']}", _GROUPS)
    if function.name in machine.users or (machine.works("namespaces") and not machine.found.get("root")):
        return Verdict(True, "RLIMIT_NPROC of a user of its own", _GROUPS)
    return Verdict(False, str(machine.found.get("groups_why", machine.why("groups"))), _GROUPS)


def _own_user(machine: Machine, function: Function) -> Verdict:
    remedy = "users: 200000-265535 in the config, and a daemon that runs as root; under systemd with own-users.conf"
    if function.name not in machine.users:
        return Verdict(False, "the config names too few users" if machine.users else "the config names no users", remedy)
    works = machine.works("user")
    return Verdict(works, f"user {machine.users[function.name]}" if works else machine.why("user"), remedy)


CONTROLS: Final[Mapping[str, tuple[str, Callable[[Machine, Function], Verdict]]]] = {
    "system_calls": ("the kernel's dangerous calls refused", _system_calls),
    "files": ("state, config and other functions' code out of reach", _files),
    "pid_namespace": ("other processes out of sight; none left behind", _pid_namespace),
    "private_tmp": ("a private and bounded /tmp", _private_tmp),
    "no_network": ("no network", _no_network),
    "memory_limit": ("memory enforced", _memory_limit),
    "process_limit": ("a bound on processes", _process_limit),
    "own_user": ("a user for each function", _own_user),
}


def needed(machine: Machine, function: Function) -> tuple[str, ...]:
    """The controls without which it is refused. `users` in the config are for every function, or one of them would run as the daemon."""
    always = STRICT if function.isolation == "strict" else ()
    users = ("own_user",) if machine.users and function.isolation != "none" else ()
    return tuple(dict.fromkeys((*function.require, *always, *users)))


def verdict(machine: Machine, function: Function, control: str) -> Verdict:
    """Whether a function gets a control."""
    if function.isolation == "none":
        return Verdict(False, "isolation: none", "isolation: auto")
    return CONTROLS[control][1](machine, function)


def wanted(function: Function, control: str) -> bool:
    """Whether it is to have a control where that works."""
    return function.isolation != "none" and (control not in _ON_REQUEST or control in function.require or control == "own_user")


def effective(machine: Machine, function: Function, control: str) -> bool:
    """Whether it has a control: it wants it, and there it is."""
    return wanted(function, control) and verdict(machine, function, control).works


def refusal(machine: Machine, function: Function) -> str:
    """Why it may not run here, a sentence for its operator; "" when it may."""
    for control in needed(machine, function):
        found = verdict(machine, function, control)
        if not found.works:
            asked = _asked(function, control)
            return f"function {function.name} {asked}, and that is not to be had here ({found.how}); {found.remedy}"
    return ""


def _asked(function: Function, control: str) -> str:
    if control in function.require:
        return f"requires {control}"
    return (
        "is to run as a user of its own, as the config names users"
        if control == "own_user"
        else f"has isolation: strict, which needs {control}"
    )


def rows(machine: Machine, functions: Sequence[Function]) -> Iterator[dict[str, Any]]:
    """One row for what every worker takes on, one a control with the keys of router/cli/checks.py; functions that get different answers
    are told apart."""
    yield _always_on(machine)
    shown = functions or (Function("", Path(), ""),)
    for control, (what, _) in CONTROLS.items():
        needing = [function for function in functions if control in needed(machine, function)]
        without = [function for function in needing if not verdict(machine, function, control).works]
        asking = [function for function in shown if wanted(function, control)]
        judged = (without or needing or asking or list(shown))[0]
        found = verdict(machine, judged, control)
        optional = control in _ON_REQUEST and not needing
        names = ", ".join(function.name for function in needing[:5]) + (" …" if len(needing) > 5 else "")
        ok = not without and (found.works or optional)
        yield {
            "name": f"isolation {control}",
            "wanted": what + (f"; needed by {names}" if needing else ", if asked for" if optional else ""),
            "effective": found.how if found.works else f"no: {found.how}",
            "proof": _PROOF,
            "remedy": "" if ok else found.remedy + (f"; until then refused: {', '.join(f.name for f in without)}" if without else ""),
            "ok": ok,
            "required": bool(needing),
        }


def _always_on(machine: Machine) -> dict[str, Any]:
    works, said = machine.works("always"), machine.why("always")
    without = "; ".join(control.what for control in ALWAYS if control.name in said.split(", "))
    return {
        "name": "isolation always_on",
        "wanted": f"the {len(ALWAYS)} controls that every worker takes on",
        "effective": "all of them" if works else f"not: {without or said}",
        "proof": _PROOF,
        "remedy": "" if works else "start the daemon without lower limits and stricter filters than those of the unit in systemd/",
        "ok": works,
        "required": False,
    }


class Users:
    """Who runs as which user. Who has one keeps it for the daemon's life: two that shared one could reach each other's processes."""

    def __init__(self) -> None:
        self._held: dict[int, str] = {}  # user → the function that had it last

    def assigned(self, names: Collection[str], users: tuple[int, int] | None) -> dict[str, int]:
        """Function → user from the range *users* (both ends in it), by the name as far as that is free; too few: not all have one."""
        if users is None:
            return {}
        low, high = users
        there = set(names)
        found = {name: user for user, name in self._held.items() if low <= user <= high and name in there}
        for name in sorted(there - found.keys()):
            user = self._free(name, low, high - low + 1, there)
            if user is None:
                break
            self._held.pop(user, None)
            self._held[user] = name
            found[name] = user
        return found

    def _free(self, name: str, low: int, size: int, there: Collection[str]) -> int | None:
        """One that nobody had, else the one that somebody who is gone was given first."""
        first = _checksum(name) % size
        untouched = (low + (first + step) % size for step in range(size))
        for user in untouched:
            if user not in self._held:
                return user
        return next((user for user, holder in self._held.items() if low <= user < low + size and holder not in there), None)


def _checksum(name: str) -> int:
    found = 2166136261  # FNV-1a of 32 bits
    for byte in name.encode():
        found = (found ^ byte) * 16777619 & 0xFFFFFFFF
    return found
