"""Groups of processes, over directories that look like the kernel's."""

from pathlib import Path

import pytest

from router.runtime import sandbox_cgroups


def files(directory: Path, **texts: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (directory / name.replace("_", ".", 1)).write_text(text)


@pytest.fixture
def delegated(tmp_path: Path) -> Path:
    files(tmp_path / "unit", cgroup_controllers="cpu memory pids\n", cgroup_procs="10\n11\n", cgroup_subtree_control="")
    (tmp_path / "membership").write_text("0::/unit\n")
    return tmp_path


def find(root: Path, *pids: int) -> sandbox_cgroups.Tree | None:
    return sandbox_cgroups.find(pids, membership=str(root / "membership"), root=str(root))


def test_what_is_not_delegated_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("0::/unit\n1:name=systemd:/x\n")
    assert find(tmp_path, 10) is None
    files(tmp_path / "unit", cgroup_controllers="cpu\n", cgroup_procs="10\n")
    assert find(tmp_path, 10) is None


def test_a_group_that_others_live_in_is_not_ours(delegated: Path) -> None:
    assert find(delegated, 10) is None
    assert not (delegated / "unit/router-daemon").exists()


def test_a_group_says_who_was_ended_for_want_of_memory(tmp_path: Path) -> None:
    group = sandbox_cgroups.Group(str(tmp_path), str(tmp_path))
    assert not group.starved()
    (tmp_path / "memory.events").write_text("low 0\noom 1\noom_kill 0\n")
    assert not group.starved()
    (tmp_path / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    assert group.starved()
    (tmp_path / "memory.events").unlink()
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert group.starved()
