"""What `router service install` and `uninstall` do, step by step; words for people are in service.py."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from router.cli.exits import fail
from router.cli.service_files import ACCOUNT, ALL, DIRECTORIES, DROP_IN, OVERRIDES, SERVICE, SOCKETS
from router.cli.service_host import Host
from router.cli.service_plan import Plan
from router.cli.service_text import settings, words

_DONE: Final = {"missing": "written", "same": "unchanged", "differs": "updated"}
_UNWELL: Final = ("it does not serve:",)
_MEND: Final = ("it is installed and enabled: mend that, then: systemctl restart router",)
_RUNNING: Final = {str(path) for path in (SERVICE, DROP_IN, *SOCKETS.values())}  # what a service that runs takes up by a restart
_DATA: Final = (Path("/var/lib/event-router"), Path("/srv/event-router"))


def carry_out(plan: Plan, host: Host) -> dict[str, Any]:
    """Write what is to be written: {"files": [{path, state}], "directories": [path]}. Raises OSError."""
    if host.root is None:
        _stop([path for path in plan.obsolete if path.suffix == ".socket"], host)
    for file, state in plan.files:
        if state != "same":
            host.write(file.path, file.text)
    for path in plan.obsolete:
        host.remove(path)
    host.settle("systemd-sysusers", ACCOUNT.name)
    host.settle("systemd-tmpfiles", DIRECTORIES.name, "--create")
    account = host.account()
    if account is None:
        fail("systemd-sysusers made no user router")
    made = [path for place in plan.needed.places for path in host.make(place, account, users=plan.needed.users)]
    if host.root is None:
        host.systemctl("daemon-reload")
    rows = [{"path": str(file.path), "state": _DONE[state]} for file, state in plan.files]
    return {"files": rows + [{"path": str(path), "state": "removed"} for path in plan.obsolete], "directories": made}


def _stop(units: list[Path], host: Host) -> None:
    if units:
        host.systemctl("disable", "--now", *(path.name for path in units))


def start(plan: Plan, host: Host, found: Mapping[str, Any]) -> list[str]:
    """Enable and start it, anew where that is needed to take up what has changed; lines that say why it does not serve, [] when it does."""
    began = time.time()
    changed = {row["path"] for row in found["files"] if row["state"] != "unchanged"}
    sockets = [SOCKETS[name] for name in plan.needed.sockets]
    host.systemctl("reset-failed", SERVICE.name, *(path.name for path in sockets))
    if fresh := [path.name for path in sockets if str(path) in changed]:
        host.systemctl("stop", SERVICE.name, *fresh)  # a socket takes up nothing while its service runs
    steps = [["enable", *(path.name for path in sockets), SERVICE.name]]
    steps += [["start", *(path.name for path in sockets)]] if sockets else []
    steps += [["restart" if changed & _RUNNING else "start", SERVICE.name]]
    for step in steps:
        done = host.systemctl(*step)
        if done.returncode:
            return [*_UNWELL, *done.stderr.splitlines()[:1], *host.log(SERVICE.name, began), *_MEND]
    return []


def take_out(host: Host, there: Mapping[Path, str]) -> list[dict[str, str]]:
    """Stop, disable and remove what is *there*: rows of path and state. Raises OSError."""
    units = [path.name for path in there if path.suffix in {".service", ".socket"}]
    if units:
        done = host.systemctl("disable", *([] if host.root else ["--now"]), *units)
        if done.returncode and host.root is None:
            fail(f"systemctl disable: {done.stderr.strip()}")
    for path in there:
        host.remove(path)
    if host.root is None:
        host.systemctl("daemon-reload")
        host.systemctl("reset-failed", *units)
    return [{"path": str(path), "state": "removed"} for path in there]


def left(host: Host, there: Mapping[Path, str]) -> list[dict[str, str]]:
    """What an uninstall leaves, with the line that removes it: drop-ins of the operator's, the config, data, the account."""
    unit = settings(there[path] for path in (SERVICE, DROP_IN) if path in there)
    theirs = [
        path for name in (OVERRIDES, *(Path(f"{path}.d") for path in SOCKETS.values())) for path in host.drop_ins(name) if path not in ALL
    ]
    config = [Path(found[-1]) for value in unit.get("ExecStart", ())[-1:] if (found := words(value))]
    data = [Path(word.lstrip("-")) for value in unit.get("ReadWritePaths", ()) for word in words(value)]
    files = dict.fromkeys([*theirs, *config])
    rows = [{"path": str(path), "remove": f"rm {_named(path)}"} for path in files if host.text(path) is not None]
    rows += [{"path": str(path), "remove": f"rm -r {_named(path)}"} for path in dict.fromkeys([*_DATA, *data]) if host.here(path).exists()]
    account = [{"path": "the user router", "remove": "userdel router"}] if host.account() else []
    return [*rows, *account]


def _named(path: Path) -> str:
    from shlex import quote  # noqa: PLC0415 - for people only

    return quote(str(path))
