"""The units as systemd itself reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
MEASURED = 2.8  # systemd 252; lower is better
MEASURED_HARDENED = 1.3

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing: apt-get install systemd"),
]


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with a program and an account that exist on this machine, as they will on the one that runs them."""
    copy = tmp_path / "units"
    shutil.copytree(UNITS, copy)
    service = copy / "router.service"
    service.write_text(service.read_text().replace("/opt/event-router/.venv/bin/router", "/bin/true"))
    return copy


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", "--no-pager", *words], check=False, capture_output=True, text=True, timeout=60)


def exposure(unit: Path) -> float:
    said = analyze("security", "--offline=yes", str(unit)).stdout
    found = re.search(r"Overall exposure level for router.service: ([0-9.]+)", said)
    assert found, said
    return float(found[1])


@pytest.mark.parametrize("unit", ["router.service", "router.socket"])
def test_systemd_finds_nothing_to_complain_about(units: Path, unit: str) -> None:
    done = analyze("verify", str(units / unit))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_verify_does_complain_about_a_wrong_directive(units: Path) -> None:
    service = units / "router.service"
    service.write_text(service.read_text().replace("WatchdogSec=30", "WatchdogSec=often"))
    assert "Failed to parse sec value" in analyze("verify", str(service)).stderr


def test_the_service_is_no_more_exposed_than_measured(units: Path) -> None:
    assert exposure(units / "router.service") <= MEASURED


def test_the_hardened_drop_in_lowers_the_exposure(units: Path) -> None:
    extra = units / "router.service.d"
    extra.mkdir()
    shutil.copy(units / "drop-ins" / "hardened-no-namespaces.conf", extra)
    assert exposure(units / "router.service") <= MEASURED_HARDENED
    assert analyze("verify", str(units / "router.service")).stderr == ""


def test_the_stop_timeout_outlasts_the_drain_of_the_shipped_config() -> None:
    service = (UNITS / "router.service").read_text()
    stop = int(re.search(r"^TimeoutStopSec=(\d+)$", service, re.MULTILINE)[1])
    drain = int(re.search(r"^drain: (\d+)s", (UNITS.parent / "config.yaml").read_text(), re.MULTILINE)[1])
    assert drain < stop <= drain + 30


def test_account_and_directories_are_well_formed(tmp_path: Path) -> None:
    """Both programs run against an empty root, as an installer of images would."""
    if shutil.which("systemd-sysusers") is None or shutil.which("systemd-tmpfiles") is None:
        pytest.skip("systemd-sysusers is missing: apt-get install systemd")
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", UNITS / "sysusers.d" / "router.conf"], check=True, timeout=60)
    assert "router:x:" in (tmp_path / "etc/passwd").read_text()
    subprocess.run(["systemd-tmpfiles", "--create", f"--root={tmp_path}", UNITS / "tmpfiles.d" / "router.conf"], check=True, timeout=60)
    inbox = tmp_path / "srv/event-router/inbox"
    assert inbox.is_dir()
    assert inbox.stat().st_mode & 0o7777 == 0o2770
