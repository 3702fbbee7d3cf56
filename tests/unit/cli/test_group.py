"""The command line as a whole: what it imports, how it ends."""

import errno
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from router import VERSION
from router.cli.group import COMMANDS, root
from router.errors import JournalError, RouterError

HEAVY = {"aiohttp", "aiobotocore", "botocore", "boto3", "apscheduler", "structlog", "watchdog", "apsw", "uvloop", "orjson"}


def imported_by(*words: str) -> set[str]:
    """Top-level modules in memory at the end of `router WORDS`, in an interpreter of its own."""
    program = (
        "import sys\nfrom router.cli.group import root\n"
        f"try:\n    root.main({list(words)!r})\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(sorted({name.split('.')[0] for name in sys.modules} | set(sys.modules))), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[3], check=True, timeout=60
    )
    return set(done.stderr.splitlines())


def test_help_imports_no_command_and_nothing_heavy() -> None:
    modules = imported_by("--help")
    assert not modules & (HEAVY | {"yaml", "asyncio", "http.client", "ssl", "sqlite3"})
    assert {name for name in modules if name.startswith("router.")} == {
        "router.cli",
        "router.cli.group",
        "router.cli.exits",
        "router.cli.settings",
        "router.cli.text",
        "router.errors",
    }


@pytest.mark.parametrize("words", [["invoke", "f"], ["ps"], ["events", "list"], ["dlq", "list"]], ids=" ".join)
def test_a_client_command_imports_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("state: s\n")
    modules = imported_by("--config", str(tmp_path / "config.yaml"), *words)
    assert "http.client" in modules
    assert not modules & (HEAVY | {"asyncio", "sqlite3"})


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_tells_of_each_command_what_the_command_tells_of_itself(name: str) -> None:
    module, attribute, told = COMMANDS[name]
    command = getattr(import_module(f"router.cli.{module}"), attribute)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.short_help == told


def all_commands(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path] if path else []
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found += all_commands(child, (*path, name))
    return found


@pytest.mark.parametrize("words", all_commands(root), ids=" ".join)
def test_every_command_has_help_and_takes_the_shared_options(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(root, [*words, "--help"])
    assert done.exit_code == 0
    assert "--config PATH" in done.stdout
    assert "--output [table|json]" in done.stdout


def test_a_command_misspelt_is_suggested() -> None:
    done = CliRunner().invoke(root, ["evnts", "list"])
    assert done.exit_code == 2
    assert "no command 'evnts'; did you mean events?" in done.stderr


def test_an_option_misspelt_is_usage() -> None:
    assert CliRunner().invoke(root, ["version", "--outputt", "json"]).exit_code == 2
    assert CliRunner().invoke(root, ["version", "--output", "xml"]).exit_code == 2


def test_version_is_said_for_people_and_as_json() -> None:
    assert f"event-router {VERSION}" in CliRunner().invoke(root, ["version"]).stdout
    assert f'"version": "{VERSION}"' in CliRunner().invoke(root, ["version", "--output", "json"]).stdout


@pytest.mark.parametrize("words", [["--output", "json"], []], ids=str)
def test_the_option_version_says_what_the_command_says(words: list[str]) -> None:
    said = CliRunner().invoke(root, ["version", *words]).stdout
    assert VERSION in said
    assert CliRunner().invoke(root, ["--version", *words]).stdout == said
    assert CliRunner().invoke(root, [*words, "--version"]).stdout == said


@pytest.mark.parametrize("command", ["ps", "check", "run"])
def test_no_config_is_one_sentence(tmp_path: Path, command: str) -> None:
    done = CliRunner().invoke(root, [command, "--config", str(tmp_path / "none.yaml")])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: no config at {tmp_path}/none.yaml: ")
    assert done.stderr.endswith("`router init` makes one\n")


def test_a_directory_is_no_config(tmp_path: Path) -> None:
    done = CliRunner().invoke(root, ["check", "--config", str(tmp_path)])
    assert (done.exit_code, done.stderr) == (1, f"{tmp_path.name}: {tmp_path} is not a regular file\n")


def test_doctor_says_that_there_is_no_config(tmp_path: Path) -> None:
    done = CliRunner().invoke(root, ["doctor", "--config", str(tmp_path / "none.yaml")])
    assert f"config: no config at {tmp_path}/none.yaml: name one" in done.stdout


@pytest.mark.parametrize(
    ("raised", "said"),
    [(KeyboardInterrupt(), "\ninterrupted\n"), (RouterError("no \x1b way"), "Error: no \\e way\n")],
    ids=["Ctrl-C", "an error of ours"],
)
def test_an_expected_end_is_one_sentence(monkeypatch: pytest.MonkeyPatch, raised: BaseException, said: str) -> None:
    @click.command()
    def broken() -> None:
        raise raised

    monkeypatch.setattr("router.cli.version.version", broken)
    done = CliRunner().invoke(root, ["version"])
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", said)


@pytest.mark.parametrize(
    "words", [("version",), ("schedules", "next", "rate(5 minutes)"), ("schedules", "next", "rate(5 minutes)", "--output", "json")]
)
@pytest.mark.parametrize(
    ("to", "code", "said"),
    [
        (">/dev/full", 1, "Error: cannot write the output: No space left on device\n"),
        (">&-", 0, ""),
        ("<&- >&-", 0, ""),
        (">&- 2>&-", 0, ""),
        (">/dev/full 2>/dev/full", 1, ""),
    ],
)
def test_output_that_cannot_be_written_is_no_traceback(words: tuple[str, ...], to: str, code: int, said: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {to}', "sh", sys.executable, "-m", "router.cli", *words],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check"], "the state directory {state} belongs to uid {uid}, this is uid {uid}: run this as the user that runs the daemon, or "),
        (
            ["why", "data/a"],
            "the state directory {state} belongs to uid {uid}, this is uid {uid}: run this as the user that runs the daemon, or ",
        ),
        (["run"], "the state directory {state} belongs to uid {uid}, this is uid {uid}: run this as the user that runs the daemon, or "),
        (["logs"], "{state}/logs: Permission denied: run this as the user that runs the daemon\n"),
        (["logs", "--follow"], "{state}/logs: Permission denied: run this as the user that runs the daemon\n"),
        (["backup", "../new.tar"], "{state}/journal.db: Permission denied: run this as the user that runs the daemon\n"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_state_directory_that_is_closed_to_us_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], said: str
) -> None:
    """As a service's, of mode 0700, is to every other user."""
    state, config = tmp_path / "state", tmp_path / "config.yaml"
    state.mkdir()
    config.write_text("version: 1\n")
    stat = Path.stat

    def closed(path: Path, **how: bool) -> os.stat_result:
        if state in path.parents:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", closed)
    done = CliRunner().invoke(root, [*words, "--config", str(config)])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: " + said.format(state=state, uid=os.getuid()))


def test_doctor_goes_on_beside_a_state_directory_that_is_closed_to_us(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def closed(path: Path) -> None:
        raise JournalError(f"{path} is closed")

    monkeypatch.setattr("router.daemon.check", closed)
    (tmp_path / "config.yaml").write_text("version: 1\n")
    done = CliRunner().invoke(root, ["doctor", "--config", str(tmp_path / "config.yaml")])
    assert done.exit_code == 1
    assert f"config: {tmp_path}/config.yaml is closed\n" in done.stdout
    assert "state space" in done.stdout
