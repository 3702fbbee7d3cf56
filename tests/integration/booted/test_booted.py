"""The units, installed as docs/service.md says, under a systemd that boots in a container of this machine's own files.

systemd-nspawn over a read-only root with a layer in memory on top: nothing of this machine is changed. Needs root."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[3]
UNIT = """[Unit]
After=basic.target
[Service]
ExecStartPre=ldconfig /opt/python/lib
ExecStart=/opt/python/bin/python3 /guest.py
"""
BOOT = (
    "systemd-nspawn",
    "--quiet",
    "--directory=/",
    "--volatile=yes",
    "--private-network",
    "--register=no",
    "--keep-unit",
    "--console=pipe",
    "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self",  # of those, a container knows nothing before systemd 256
)

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.getuid() != 0, reason="a container that boots is root's to start"),
    pytest.mark.skipif(shutil.which("systemd-nspawn") is None, reason="systemd-nspawn is missing: apt-get install systemd-container"),
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What guest.py saw in there."""
    out = tmp_path_factory.mktemp("booted")
    (out / "guest.service").write_text(UNIT)
    binds = {
        sys.base_prefix: "/opt/python",
        sysconfig.get_path("purelib"): "/opt/packages",
        ROOT: "/src",
        HERE / "guest.py": "/guest.py",
        out / "guest.service": "/etc/systemd/system/guest.service",
    }
    command = [
        *BOOT,
        *(f"--bind-ro={there}:{here}" for there, here in binds.items()),
        f"--bind={out}:/out",
        "--boot",
        "systemd.wants=guest.service",
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL)
    told = out / "seen.json"
    assert told.exists(), f"{done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    found: dict[str, Any] = json.loads(told.read_text())
    assert "error" not in found, found
    return found


def states(installed: dict[str, Any]) -> dict[str, str]:
    return {row["path"].rpartition("/")[2]: row["state"] for row in installed["files"]}


LASTING = ("router.conf", "router.service", "router.socket", "10-event-router.conf")
NAMES = (*LASTING, "router-aws.socket")


def test_the_install_writes_what_it_showed_and_waits_until_it_serves(seen: dict[str, Any]) -> None:
    assert states(seen["shown"]) == dict.fromkeys(NAMES, "missing")
    installed = seen["installed"]
    assert states(installed) == dict.fromkeys(NAMES, "written")
    assert (installed["active"], installed["enabled"], installed["failed"], installed["warnings"]) == ("active", "enabled", [], [])
    assert installed["directories"] == ["/var/lib/event-router", "/data/re sults of ${HOME}, 50%"]


def test_a_second_install_disturbs_nothing(seen: dict[str, Any]) -> None:
    assert states(seen["again"]) == dict.fromkeys(NAMES, "unchanged")
    assert seen["undisturbed"]


def test_what_keeps_it_from_serving_is_told(seen: dict[str, Any]) -> None:
    assert "status 1" in seen["taken"]
    assert "it does not serve:" in seen["taken"]
    assert "cannot listen on 127.0.0.1:8081" in seen["taken"]
    assert seen["freed"]


def test_each_listener_of_systemds_is_served_until_it_is_one_no_longer(seen: dict[str, Any]) -> None:
    assert 400 <= seen["aws"] < 500  # nobody signed
    assert states(seen["unsocketed"]) == {**dict.fromkeys(LASTING, "unchanged"), "router-aws.socket": "removed"}
    assert seen["unsocketed_serves"] == [True, seen["aws"], {"LoadState": "not-found"}]


def test_the_uninstall_leaves_data_and_the_operators_own(seen: dict[str, Any]) -> None:
    found = seen["uninstalled"]
    assert states(found) == dict.fromkeys(LASTING, "removed")
    assert {row["path"] for row in found["stays"]} == {
        "/etc/systemd/system/router.service.d/quick.conf",
        "/etc/my ${shop} at 50%/config.yaml",
        "/var/lib/event-router",
        "/srv/event-router",
        "/data/re sults of ${HOME}, 50%",
        "the user router",
    }
    assert seen["gone"] == [{"LoadState": "not-found", "ActiveState": "inactive"}] * 2
    assert (seen["left_running"], seen["kept"], seen["uninstalled_again"]) == ("", [True, True, True], {"files": [], "stays": []})


def test_the_service_starts_as_its_own_user_and_says_so(seen: dict[str, Any]) -> None:
    assert seen["check"].startswith("ok: 4 functions, 7 triggers, 2 buckets, 1 table\n")
    assert seen["started"] == {"ActiveState": "active", "StatusText": "serving 4 functions", "User": "router"}
    assert seen["serving"]


def test_the_unit_takes_no_isolation_away(seen: dict[str, Any]) -> None:
    found = {row["name"]: row for row in seen["doctor"]}
    for control in ("system_calls", "files", "pid_namespace", "private_tmp", "no_network", "process_limit"):
        assert found[f"isolation {control}"]["ok"], found[f"isolation {control}"]
    assert [row for row in seen["doctor"] if row["required"] and not row["ok"]] == []


def test_a_file_a_request_and_a_row_run_their_handlers(seen: dict[str, Any]) -> None:
    assert (seen["file"], seen["created"], seen["row"]) == (True, 201, True)


def test_a_reload_and_a_restart_fail_no_request(seen: dict[str, Any]) -> None:
    assert (seen["reload"], seen["restart"], list(seen["answers"])) == ("", "", ["200"]), seen["answers"] | {"journal": seen["journal"]}


def controls(doctor: list[dict[str, Any]]) -> dict[str, str]:
    """What each control of isolation is in effect by, of those that are."""
    return {
        row["name"].removeprefix("isolation "): row["effective"] for row in doctor if row["name"].startswith("isolation ") and row["ok"]
    }


def test_the_hardened_drop_in_still_lets_functions_run_confined(seen: dict[str, Any]) -> None:
    found = seen["hardened"]
    assert (found["restart"], found["serving"], found["file"]) == ("", True, True), seen["journal"]
    kept = {"always_on", "system_calls", "files", "no_network", "memory_limit"}
    assert kept <= controls(found["doctor"]).keys(), found["doctor"]
    assert controls(found["doctor"])["memory_limit"] == "looked at every 100 ms while it runs"


def test_with_own_users_each_function_has_one(seen: dict[str, Any]) -> None:
    found = seen["users"]
    assert (found["install"]["failed"], found["serving"], found["file"]) == ([], True, True), seen["journal"]
    assert states(found["install"])["10-event-router.conf"] == "updated"
    assert 200000 <= found["owner"] <= 265535
    assert [row for row in found["doctor"] if row["required"] and not row["ok"]] == []
    assert controls(found["doctor"])["own_user"].startswith("user 2")
    assert seen["without"] == {"restart": "", "serving": True, "User": "router"}


@pytest.mark.parametrize("how", ["kill", "hang"])
def test_a_daemon_that_dies_or_hangs_is_started_again(seen: dict[str, Any], how: str) -> None:
    assert seen[how] == {"again": True, "restarts": 1}


def test_a_stop_leaves_no_process(seen: dict[str, Any]) -> None:
    assert (seen["stop"], seen["left"]) == ("", "")
    assert seen["stop_s"] < 30


def test_a_config_with_a_mistake_stays_stopped_and_is_told(seen: dict[str, Any]) -> None:
    assert seen["mistaken"] == {"ActiveState": "failed", "ExecMainStatus": "2", "NRestarts": "0"}
    assert "config.yaml:56:19: functions.heartbeat.triggers[0].schedule.expression: rate(1 minutes): write rate(1 minute)" in seen["status"]
    assert (seen["mended"], seen["mended_serves"]) == ("", True)
