"""`router service` into the image of a machine, and what systemd makes of what it wrote."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.cli.group import root
from router.cli.service_text import command, quoted

PROGRAM = "/opt/event-router/.venv/bin/router"
UNITS = "etc/systemd/system"
FILES = ("etc/sysusers.d/router.conf", "etc/tmpfiles.d/router.conf", f"{UNITS}/router.service")
DROP_IN = f"{UNITS}/router.service.d/10-event-router.conf"
CONFIG = """
version: 1
state: /var/lib/event-router
listen: {http: 127.0.0.1:0, aws: off, console: off}
buckets: {inbox: /srv/event-router/inbox}
functions: {f: {code: ./handlers/f, handler: app.handler}}
"""
MORE = """
version: 1
state: /data/state
drain: 1m
listen: {http: systemd, aws: systemd, console: off}
buckets:
  photos: "/data/my photos/50% $HOME"
  usb: {path: /mnt/usb/in, mount: required}
tables: {orders: {sqlite: /data/db/shop.db, table: orders}}
functions: {f: {code: ./handlers/f, handler: app.handler}}
"""

without_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing: apt-get install systemd")
needs_systemd = [pytest.mark.server, without_systemd]
as_root = [without_systemd, pytest.mark.skipif(os.getuid() != 0, reason="directories are given to another user: root's to do")]


class Image:
    """The directory tree of a machine in which the program is installed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "etc/event-router/config.yaml"
        self.program = root / PROGRAM.lstrip("/")
        (self.config.parent / "handlers/f").mkdir(parents=True)
        (self.config.parent / "handlers/f/app.py").write_text("def handler(event, context): ...\n")
        self.config.write_text(CONFIG)
        self.program.parent.mkdir(parents=True)
        self.program.write_text(f"#!{sys.executable}\nfrom router.cli import main\nmain()\n")
        self.program.chmod(0o755)

    def run(self, *words: str, uid: int | None = None) -> subprocess.CompletedProcess[str]:
        argv = [str(self.program), "service", words[0], "--root", str(self.root), *words[1:]]
        return subprocess.run(
            argv, check=False, capture_output=True, text=True, timeout=60, env={**os.environ, "ROUTER_CONFIG": str(self.config)}, user=uid
        )

    def told(self, *words: str) -> Any:
        done = self.run(*words, "--output", "json")
        assert (done.returncode, done.stderr) == (0, ""), done
        return json.loads(done.stdout)

    def text(self, name: str) -> str:
        return (self.root / name).read_text()

    def files(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path / "image")


def verified(image: Image, unit: str, tmp_path: Path) -> str:
    """What systemd complains of in the units as they were written, with a program that this machine has."""
    copy = tmp_path / "units"
    shutil.copytree(image.root / UNITS, copy, dirs_exist_ok=True)
    for path in copy.rglob("*"):
        if path.is_file():
            path.write_text(path.read_text().replace(PROGRAM, "/bin/true"))
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{copy}:"}
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy / unit)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    return done.stderr + (f"status {done.returncode}" if done.returncode else "")


class TestWithRoot:
    """Root may give directories to the user of the service."""

    pytestmark = as_root

    def test_a_config_for_which_the_units_are_made_gets_them_as_they_are(self, image: Image) -> None:
        found = image.told("install")
        assert [(row["path"].lstrip("/"), row["state"]) for row in found["files"]] == [(name, "written") for name in FILES]
        shipped = Path(__file__).parents[2] / "systemd"
        assert image.text(FILES[2]) == (shipped / "router.service").read_text()
        assert (found["active"], found["enabled"], found["failed"]) == (None, None, [])
        assert "router:x:" in image.text("etc/passwd")
        inbox, state = (image.root / path for path in ("srv/event-router/inbox", "var/lib/event-router"))
        uid = int(re.search(r"^router:x:(\d+):", image.text("etc/passwd"), re.MULTILINE)[1])
        assert (inbox.stat().st_uid, inbox.stat().st_mode & 0o7777) == (uid, 0o2770)
        assert (state.stat().st_uid, state.stat().st_mode & 0o7777) == (uid, 0o700)
        assert not list((image.root / UNITS).glob("*.wants"))  # nothing is enabled

    def test_again_it_changes_nothing_and_then_what_has_changed(self, image: Image) -> None:
        image.told("install")
        assert {row["state"] for row in image.told("install")["files"]} == {"unchanged"}
        image.config.write_text(MORE)
        before = {name: (image.root / name).stat().st_mtime_ns for name in FILES}
        states = {row["path"].lstrip("/"): row["state"] for row in image.told("install")["files"]}
        assert states == {
            **dict.fromkeys(FILES, "unchanged"),
            f"{UNITS}/router.socket": "written",
            f"{UNITS}/router-aws.socket": "written",
            DROP_IN: "written",
        }
        assert before == {name: (image.root / name).stat().st_mtime_ns for name in FILES}
        image.config.write_text(MORE.replace("drain: 1m", "drain: 2m"))
        assert next(row for row in image.told("install")["files"] if row["path"] == f"/{DROP_IN}")["state"] == "updated"
        image.config.write_text(CONFIG)
        removed = {row["path"].lstrip("/") for row in image.told("install")["files"] if row["state"] == "removed"}
        assert removed == {f"{UNITS}/router.socket", f"{UNITS}/router-aws.socket", DROP_IN}
        assert not (image.root / DROP_IN).parent.exists()

    def test_what_the_config_needs_is_in_one_drop_in(self, image: Image, tmp_path: Path) -> None:
        image.config.write_text(MORE)
        found = image.told("install")
        assert image.text(DROP_IN).splitlines()[1:] == [
            "[Service]",
            "ReadWritePaths=-/data/db",
            'ReadWritePaths="-/data/my photos/50%% $HOME"',
            "ReadWritePaths=-/data/state",
            "ReadWritePaths=-/mnt/usb/in",
            "TimeoutStopSec=75",
        ]
        assert found["directories"] == ["/data/state", "/data/my photos/50% $HOME", "/data/db"]
        assert (image.root / "data").stat().st_uid == 0
        assert not (image.root / "mnt").exists()
        for unit in ("router.service", "router.socket", "router-aws.socket"):
            assert verified(image, unit, tmp_path) == ""
        (image.root / DROP_IN).write_text(image.text(DROP_IN).replace("=75", "=soon"))
        assert "Failed to parse" in verified(image, "router.service", tmp_path)

    def test_users_of_their_own_write_through_the_group(self, image: Image, tmp_path: Path) -> None:
        image.config.write_text(MORE + "users: 200000-200009\n")
        image.told("install")
        assert "\nUser=root\nSecureBits=\n" in image.text(DROP_IN)
        assert verified(image, "router.service", tmp_path) == ""
        db, state = (image.root / "data" / name for name in ("db", "state"))
        assert db.stat().st_mode & 0o7777 == 0o2770
        assert (state.stat().st_uid, state.stat().st_mode & 0o7777) == (0, 0o700)

    def test_it_comes_out_as_it_went_in(self, image: Image) -> None:
        before = image.files()
        assert image.told("uninstall") == {"files": [], "stays": []}
        assert image.run("uninstall").stdout == "nothing is installed\n"
        image.config.write_text(MORE)
        image.told("install")
        mine = image.root / UNITS / "router.service.d/override.conf"
        mine.write_text("[Service]\nEnvironment=A=b\n")
        wants = image.root / UNITS / "multi-user.target.wants/router.service"
        wants.parent.mkdir()
        wants.symlink_to("../router.service")
        (image.root / "data/state/kept").write_text("x")
        found = image.told("uninstall")
        assert {row["path"].lstrip("/") for row in found["files"]} == {
            *FILES,
            DROP_IN,
            f"{UNITS}/router.socket",
            f"{UNITS}/router-aws.socket",
        }
        assert not wants.is_symlink()
        left = image.files() - before
        assert left == {
            "data/state/kept",
            str(mine.relative_to(image.root)),
            *(name for name in left if name.startswith("etc/") and name.count("/") == 1),
        }
        stays = {row["path"]: row["remove"] for row in found["stays"]}
        assert stays == {
            f"/{mine.relative_to(image.root)}": f"rm /{mine.relative_to(image.root)}",
            "/etc/event-router/config.yaml": "rm /etc/event-router/config.yaml",
            "/srv/event-router": "rm -r /srv/event-router",
            "/data/state": "rm -r /data/state",
            "/data/db": "rm -r /data/db",
            "/data/my photos/50% $HOME": "rm -r '/data/my photos/50% $HOME'",
            "the user router": "userdel router",
        }
        assert image.run("uninstall").stdout == "nothing is installed\n"

    def test_a_unit_of_somebody_elses_is_left_unless_told(self, image: Image) -> None:
        unit = image.root / UNITS / "router.service"
        unit.parent.mkdir(parents=True)
        unit.write_text("[Unit]\nDescription=IP routing\n")
        before = image.files()
        done = image.run("install")
        assert (done.returncode, done.stderr) == (
            1,
            "/etc/systemd/system/router.service is another one, not event-router's; --force overwrites it\n",
        )
        assert image.files() == before
        assert image.run("uninstall").stdout == "nothing is installed\n"
        unit.unlink()
        unit.symlink_to("/dev/null")
        assert "router.service is masked" in image.run("install").stderr
        assert image.run("install", "--force").returncode == 0
        assert "Description=event-router" in unit.read_text()

    def test_a_symlink_out_of_the_image_is_not_followed(self, image: Image, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (image.root / "etc/systemd").symlink_to(tmp_path / "elsewhere")
        done = image.run("install")
        assert (done.returncode, "leads out of" in done.stderr) == (1, True)
        assert list((tmp_path / "elsewhere").iterdir()) == []

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (("handler: app.handler", "handler: app.handler, memry: 3"), ["functions.f.memry: unknown"]),
            (("/srv/event-router/inbox", "/home/alice/in"), ["buckets.inbox: /home/alice/in is below /home"]),
            (("/var/lib/event-router", "/tmp/state"), ["state: /tmp/state is below /tmp"]),
            (("functions: {f: {", "functions: {g: {cde: 1}, f: {"), ["functions.g.cde: unknown", "functions.g.handler: is required"]),
        ],
    )
    def test_what_is_refused_writes_nothing(self, image: Image, change: tuple[str, str], told: list[str]) -> None:
        image.config.write_text(CONFIG.replace(*change))
        before = image.files()
        done = image.run("install")
        assert (done.returncode, done.stdout) == (1, "")
        for text in told:
            assert text in done.stderr
        found = image.run("install", "--output", "json")
        assert json.loads(found.stdout)["problems"] == done.stderr.splitlines()
        assert image.files() == before

    def test_paths_that_the_user_may_not_use_are_warned_of(self, image: Image) -> None:
        image.config.write_text(MORE)
        (image.root / "data/db").mkdir(parents=True)
        (image.root / "data/db").chmod(0o700)
        (image.root / "data/db/shop.db").touch(0o644)
        (image.root / "mnt/usb").mkdir(parents=True, mode=0o700)  # and nothing mounted there
        image.config.chmod(0o600)
        found = image.told("install")["warnings"]
        assert [line.partition(": setfacl")[0] for line in found] == [
            "the config: the user router may not read /etc/event-router/config.yaml",
            "tables.orders.sqlite: the user router may not enter /data/db",
            "tables.orders.sqlite: the user router may not write /data/db/shop.db",
            "tables.orders: the user router may not read and write and enter /data/db",
        ]

    def test_credentials_of_a_drop_in_are_there_when_the_config_is_read(self, image: Image, tmp_path: Path) -> None:
        image.config.write_text(
            CONFIG.replace("app.handler}", 'app.handler, environment: {KEY: "${credential:key}", NAME: "${env:SHOP}"}}')
        )
        assert "credential key" in image.run("install").stderr
        (tmp_path / "secret").write_text("s3cret")
        drop_in = image.root / UNITS / "router.service.d/override.conf"
        drop_in.parent.mkdir(parents=True)
        drop_in.write_text(f'[Service]\nLoadCredential=key:{tmp_path}/secret\nEnvironment="SHOP=the shop"\n')
        image.told("install")


def test_show_needs_no_root_and_writes_nothing(image: Image) -> None:
    before = image.files()
    found = image.told("show")
    assert [(row["path"].lstrip("/"), row["state"]) for row in found["files"]] == [(name, "missing") for name in FILES]
    assert (found["active"], found["refused"]) == (None, [])
    assert image.files() == before
    said = image.run("show").stdout
    assert said.startswith("# /etc/sysusers.d/router.conf  (missing)\n# The account")
    assert "# no drop-in" in said


def test_show_needs_no_look_into_the_state_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is closed to all but its user."""
    state, config, stat = tmp_path / "state", tmp_path / "config.yaml", Path.stat
    state.mkdir()
    config.write_text("version: 1\n")

    def closed(path: Path, **how: bool) -> os.stat_result:
        if state in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", closed)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    done = CliRunner().invoke(root, ["service", "show", "--config", str(config)])
    assert (done.exit_code, "Error" in done.stderr) == (0, False)
    assert "# /etc/systemd/system/router.service" in done.stdout


def test_show_says_what_differs_and_what_is_refused(image: Image) -> None:
    image.config.write_text(MORE.replace("/data/state", "/root/state"))
    unit = image.root / UNITS / "router.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Unit]\nDescription=event-router of last year\n")
    done = image.run("show")
    assert done.returncode == 0
    assert "# /etc/systemd/system/router.service  (differs)\n" in done.stdout
    assert "refused: state: /root/state is below /root" in done.stderr


def test_without_root_the_line_to_type_is_said(image: Image) -> None:
    if os.getuid() == 0:
        script = "import os, sys; os.geteuid = lambda: 1000; sys.argv = sys.argv[1:]; from router.cli import main; main()"
    else:
        script = "import sys; sys.argv = sys.argv[1:]; from router.cli import main; main()"
    argv = [sys.executable, "-c", script, str(image.program), "service", "install", "--now", "--config", str(image.config)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    said = shlex.join(["sudo", str(image.program), "service", "install", "--now", f"--config={image.config}"])
    assert (done.returncode, done.stderr) == (1, f"Error: only root may do that; type: {said}\n")


@pytest.mark.skipif(os.getuid() != 0 or Path("/run/systemd/system").is_dir(), reason="systemd runs this machine")
def test_where_systemd_does_not_run_nothing_is_written(image: Image) -> None:
    done = subprocess.run(
        [image.program, "service", "install", "--config", image.config], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: systemd does not run this machine")


def test_usage(image: Image, tmp_path: Path) -> None:
    assert image.run("install", "--now").returncode == 2
    assert image.run("install", "--config", str(tmp_path / "none.yaml")).returncode == 2


def dumped(argv: list[str], paths: list[str], tmp_path: Path) -> tuple[list[str], str]:
    """The command line and the writable paths of a unit as systemd has read them."""
    unit = tmp_path / "u.service"
    lines = [f"ExecStart={command(argv)}", *(f"ReadWritePaths={quoted(f'-{path}')}" for path in paths)]
    unit.write_text("\n".join(("[Service]", *lines, "")), encoding="utf-8")
    environment = {**os.environ, "SYSTEMD_LOG_LEVEL": "debug", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    said = subprocess.run(verify, check=False, capture_output=True, timeout=60, env=environment).stdout.decode(errors="replace")
    line = re.search(r"^\t*Command Line: (.*)$", said, re.MULTILINE)
    written = re.search(r"^\t*ReadWritePaths: (.*)$", said, re.MULTILINE)
    assert line, said
    words = re.findall(r'"((?:\\.|[^"\\])*)"|(\S+)', line[1])  # as systemd shows them: backslashes in quotes alone
    return [re.sub(r"\\(.)", r"\1", quoted_word) or bare for quoted_word, bare in words], written[1] if written else ""


WORD = st.text(st.sampled_from(" %$\\\"'{};#ahu0@:-!+=,."), min_size=1, max_size=8)


class TestQuoting:
    """Against systemd itself, which tells what it has read."""

    pytestmark = needs_systemd

    @settings(max_examples=60, deadline=None)
    @given(arguments=st.lists(WORD, max_size=3), names=st.lists(WORD, min_size=1, max_size=2))
    @example(arguments=["%h", "$HOME", "${HOME}", "a b", "\\", '"', ";", "%%"], names=["my photos", "50%", "$x", "a\\", "it's"])
    def test_systemd_reads_what_was_meant(self, tmp_path_factory: pytest.TempPathFactory, arguments: list[str], names: list[str]) -> None:
        paths = [f"/data/x{name}" for name in names]
        argv, written = dumped(["/bin/true", *arguments], paths, tmp_path_factory.mktemp("unit"))
        assert argv == ["/bin/true", *arguments]
        assert written == " ".join(f"-{path}" for path in paths)

    def test_the_program_is_found_where_it_is(self, tmp_path: Path) -> None:
        program = tmp_path / "my $HOME 50% ${x}/true"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        argv, _ = dumped([str(program)], [], tmp_path)
        assert argv[0] == str(program)
        verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / "u.service")]
        done = subprocess.run(verify, check=False, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
