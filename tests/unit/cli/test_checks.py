"""What the doctor thinks of a machine."""

import json
import os
import resource
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli import checks
from router.cli.group import root
from router.runtime import node_programs
from router.runtime.node_programs import Program

MOUNTS = """\
22 1 0:20 / / rw shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /srv rw,relatime shared:2 - nfs4 server:/srv rw
24 23 0:22 / /srv/local rw - xfs /dev/sdb1 rw
25 22 0:23 / /with\\040space rw - cifs //server/share rw
26 22 0:24 / /srv/local rw - btrfs /dev/sdc1 rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/var/lib", "ext4"), ("/srv/x", "nfs4"), ("/srv/local/y", "btrfs"), ("/srvx", "ext4"), ("/with space/z", "cifs"), ("/", "ext4")],
)
def test_the_file_system_is_that_of_the_deepest_and_latest_mount(path: str, kind: str) -> None:
    assert checks.file_system(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(("version", "ok"), [((3, 10, 12), False), ((3, 11, 0), True), ((4, 0, 0), True)])
def test_python(version: tuple[int, ...], *, ok: bool) -> None:
    assert checks.python(version).ok is ok


@pytest.mark.parametrize(("now", "ok"), [(0.0, False), (1_700_000_000.0, False), (1_790_000_000.0, True)])
def test_a_clock_before_this_program_was_written_is_wrong(now: float, *, ok: bool) -> None:
    assert checks.clock(now, 1_790_000_000.0).ok is ok


@pytest.mark.parametrize(("hard", "ok"), [(1024, False), (4096, True), (resource.RLIM_INFINITY, True)])
def test_descriptors(hard: int, *, ok: bool) -> None:
    assert checks.descriptors((1024, hard)).ok is ok


@pytest.mark.parametrize(("available", "ok"), [(100_000, False), (1_000_000, True)])
def test_memory(tmp_path: Path, available: int, *, ok: bool) -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal:  2000000 kB\nMemAvailable:  {available} kB\n")
    assert checks.memory(tmp_path / "meminfo").ok is ok


def test_low_or_missing_limits_of_inotify_come_with_the_command_that_raises_them(tmp_path: Path) -> None:
    (tmp_path / "max_user_watches").write_text("8192\n")
    watches, queue = checks.notifications(tmp_path)
    assert (watches.ok, watches.effective, watches.remedy) == (False, "8192", "sysctl -w fs.inotify.max_user_watches=65536")
    assert (queue.ok, queue.effective) == (False, "0")
    assert not watches.required


def test_a_state_directory_open_to_others_is_wrong(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)
    found = {check.name: check for check in checks.state(tmp_path)}
    assert not found["state mode"].ok
    assert found["state mode"].remedy == f"chmod 0700 {tmp_path}"
    os.chmod(tmp_path, 0o700)
    assert all(check.ok for check in checks.state(tmp_path) if check.name != "state file system")


def test_a_state_directory_to_be_is_judged_by_its_parent(tmp_path: Path) -> None:
    names = [check.name for check in checks.state(tmp_path / "a/b")]
    assert "state mode" not in names
    assert all(check.ok for check in checks.state(tmp_path / "a/b") if check.name == "state directory")


def test_a_file_in_the_place_of_the_state_directory_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    (tmp_path / "state").chmod(0o600)
    assert not next(check for check in checks.state(tmp_path / "state") if check.name == "state directory").ok


def test_another_users_state_directory_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert next(check for check in checks.state(tmp_path) if check.name == "state directory").effective == "another user's"


def test_node_is_told_by_version_and_its_absence_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_programs, "installed", lambda: (Program("/usr/bin/node", "20.11.1"), Program("/opt/node", "22.1.0")))
    found = checks.node()
    assert (found.effective, found.ok) == ("20.11.1 (/usr/bin/node), 22.1.0 (/opt/node)", True)
    monkeypatch.setattr(node_programs, "installed", lambda: ())
    found = checks.node()
    assert (found.effective, found.ok, found.required) == ("none", False, False)


def test_doctor_works_without_config_and_daemon(tmp_path: Path) -> None:
    done = CliRunner().invoke(root, ["doctor", "--config", str(tmp_path / "none.yaml"), "--output", "json"])
    rows = json.loads(done.stdout)
    assert {"python", "node", "sqlite", "clock", "pidfd", "uvloop"} <= {row["name"] for row in rows}
    assert all(set(row) == {"name", "wanted", "effective", "proof", "remedy", "ok", "required"} for row in rows)


@pytest.mark.parametrize(("ok", "required", "code"), [(False, True, 1), (False, False, 0), (True, True, 0)])
def test_doctor_fails_for_what_is_required_and_says_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, ok: bool, required: bool, code: int
) -> None:
    check = checks.Check("thing", "this", "that", "looked", "do so", ok, required)
    monkeypatch.setattr(checks, "machine", lambda: iter([check]))
    done = CliRunner().invoke(root, ["doctor", "--config", str(tmp_path / "none.yaml")])
    assert done.exit_code == code
    assert ("thing: do so" in done.stdout) is not ok


def test_doctor_warns_of_a_webhook_that_stands_open(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): pass\n")
    config = tmp_path / "config.yaml"
    config.write_text(
        "version: 1\nlisten: {http: '0.0.0.0:8080'}\n"
        "functions: {f: {code: ., handler: app.handler, triggers: [{webhook: {path: /x, auth: none}}]}}\n"
    )
    done = CliRunner().invoke(root, ["doctor", "--config", str(config), "--output", "json"])
    (row,) = [row for row in json.loads(done.stdout) if row["name"] == "webhook"]
    assert not row["ok"]
    assert not row["required"]
    assert "takes what anybody sends" in row["remedy"]


@pytest.mark.parametrize("mistaken", [False, True])
def test_doctor_does_not_judge_a_config_whose_credentials_only_the_service_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, mistaken: bool
) -> None:
    """It says how they are shown to it; a mistake beside them is one."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    config, secrets = tmp_path / "config.yaml", tmp_path / "secrets"
    (tmp_path / "app.py").write_text("def handler(event, context): pass\n")
    secrets.mkdir()
    (secrets / "token").write_text("correct horse\n")
    limits = "limits: {concurrency: 0}\n" if mistaken else ""
    config.write_text(
        f"version: 1\n{limits}functions: {{f: {{code: ., handler: app.handler, environment: {{T: '${{credential:token}}'}}}}}}\n"
    )

    def found() -> dict[str, object]:
        done = CliRunner().invoke(root, ["doctor", "--config", str(config), "--output", "json"])
        (row,) = [row for row in json.loads(done.stdout) if row["name"] == "config"]
        return dict(row)

    row = found()
    assert row["ok"] is False
    assert row["required"] is mistaken
    assert row["effective"] == ("2 mistakes" if mistaken else "not judged: its credentials are not here")
    assert mistaken or f"CREDENTIALS_DIRECTORY=DIRECTORY router doctor --config {config}" in str(row["remedy"])
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secrets))
    assert found()["ok"] is not mistaken
