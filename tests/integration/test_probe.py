"""What the spawner finds out about a machine as it starts, of this one and of one that was made worse."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.house import ROOT

GROUPS = """
import json, os, sys
from router.runtime import sandbox_cgroups, sandbox_probe
class Lenient(sandbox_cgroups.Tree):
    def limit(self, group, *, memory, processes):
        super().limit(group, memory=memory * factor[0], processes=processes * factor[1])
class Told(sandbox_cgroups.Group):
    def remove(self):
        counts.update(pressed=self.pressed(), starved=self.starved(), endless=self.endless())
        super().remove()
house, factor, counts = sys.argv[1], json.loads(sys.argv[2]), {}
sandbox_cgroups.Group = Told
tree = sandbox_cgroups.find((os.getpid(),))
if tree is None:
    print("null")
    sys.exit()
said = sandbox_probe._tried_group(Lenient(*tree), house)
tree.close()
print(json.dumps({"said": said, "left": os.path.isdir(house) and os.listdir(house), **counts}))
"""
HIDING = """
import os, sys
from router.runtime import sandbox_calls as calls, sandbox_probe
calls.unshare(calls.CLONE_NEWNS)
calls.mount("none", "/", flags=calls.MS_REC | calls.MS_PRIVATE)
calls.mount("proc", "/proc", "proc", options=sys.argv[1])
os.setgroups([])
os.setresgid(*[int(sys.argv[2])] * 3)
os.setresuid(*[int(sys.argv[2])] * 3)
print(sandbox_probe._watched())
"""


def tried(house: Path, *, memory: int = 1, processes: int = 1) -> dict[str, Any]:
    """What the probe says of a group whose limits are so many times those that it asked for, and what the kernel counted."""
    command = [sys.executable, "-c", GROUPS, str(house), json.dumps([memory, processes])]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=60)
    found: dict[str, Any] | None = json.loads(done.stdout)
    if found is None:
        pytest.skip("this machine lets us make no control groups")
    return found


def test_limits_that_hold_are_found_to_and_nobody_is_ended() -> None:
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".groups-") as name:  # on a disk, where a temporary directory may be none
        found = tried(Path(name))
    assert found == {"said": "", "left": [], "pressed": True, "starved": False, "endless": False}


def test_where_the_file_system_keeps_no_pages_somebody_is() -> None:
    where = Path("/dev/shm/router-test-groups")
    where.mkdir(exist_ok=True)
    try:
        found = tried(where)
    finally:
        where.rmdir()
    assert (found["said"], found["starved"], found["left"]) == ("", True, [])


def test_without_room_for_a_file_somebody_is_too(tmp_path: Path) -> None:
    found = tried(tmp_path / "nowhere")
    assert (found["said"], found["starved"]) == ("", True)


def test_a_limit_of_memory_that_does_not_hold_is_said(tmp_path: Path) -> None:
    found = tried(tmp_path, memory=16)
    assert (found["said"], found["starved"]) == ("a group's limit of memory did not hold", False)


def test_a_limit_of_processes_that_does_not_hold_is_said(tmp_path: Path) -> None:
    assert tried(tmp_path, processes=16)["said"] == "one process too many was not refused"


@pytest.mark.skipif(os.getuid() != 0, reason="another /proc is root's to mount")
@pytest.mark.parametrize(
    ("options", "user", "said"),
    [
        ("hidepid=0", 65534, ""),
        ("hidepid=2", 65534, "/proc hides functions' processes: No such file or directory"),
        ("hidepid=1", 65534, "/proc hides functions' processes: Operation not permitted"),
        ("hidepid=2", 0, ""),
    ],
)
def test_processes_that_are_hidden_from_us_are_said(options: str, user: int, said: str) -> None:
    """As a service with ProtectProc= has it, and many a server for all."""
    done = subprocess.run(
        [sys.executable, "-c", HIDING, options, str(user)], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"{said}\n"
