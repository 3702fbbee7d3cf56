"""`router logs` over a state directory, without a daemon."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router import names
from router.cli.group import root
from router.cli.logs import line
from router.telemetry.logs import LogEvent

REPORT = "REPORT RequestId: r-{n}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB\t"


def stream(state: Path, function: str, at: float, messages: list[str]) -> None:
    """A stream on disk in the format of router/telemetry/logfiles.py."""
    folder = state / "logs/aws/lambda" / function / time.strftime("%Y/%m/%d", time.gmtime(at))
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(
        json.dumps({"t": int((at + i) * 1000), "m": message}, separators=(",", ":")) + "\n" for i, message in enumerate(messages)
    )
    (folder / f"%5B%24LATEST%5D{int(at):032d}.jsonl").write_text(text)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    now = time.time()
    stream(
        tmp_path / "state",
        "old",
        now - 7200,
        ["START RequestId: r-0 Version: $LATEST", "long ago", "END RequestId: r-0", REPORT.format(n=0)],
    )
    messages = [
        "START RequestId: r-1 Version: $LATEST",
        "[ERROR] ValueError: \x1b[31mboom\n  at app.py",
        "END RequestId: r-1",
        REPORT.format(n=1),
    ]
    stream(tmp_path / "state", "new", now - 60, messages)
    (tmp_path / "config.yaml").write_text("version: 1\n")
    return tmp_path / "config.yaml"


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(root, ["--config", str(config), "logs", *words])


def test_all_logs_come_by_time_with_their_function(config: Path) -> None:
    lines = run(config).stdout.splitlines()
    assert lines[1].split(" ", 1)[1] == "old long ago"
    assert len([text for text in lines if " new " in text]) == 4


def test_a_function_is_chosen_and_its_name_left_out(config: Path) -> None:
    lines = run(config, "old").stdout.splitlines()
    assert [text.split(" ", 1)[1] for text in lines][:2] == ["START RequestId: r-0 Version: $LATEST", "long ago"]


def test_a_message_cannot_speak_to_the_terminal_nor_pose_as_a_line(config: Path) -> None:
    text = run(config, "new").stdout
    assert "\x1b" not in text
    assert "[ERROR] ValueError: \\e[31mboom\n      at app.py\n" in text


@pytest.mark.parametrize(
    ("words", "functions"),
    [
        (["--since", "1h"], {"new"}),
        (["--since", "3h"], {"old", "new"}),
        (["--request-id", "r-0"], {"old"}),
        (["--failed"], {"new"}),
        (["other"], set()),
    ],
)
def test_choices(config: Path, words: list[str], functions: set[str]) -> None:
    rows = json.loads(run(config, *words, "--output", "json").stdout)
    assert {row["function"] for row in rows} == functions
    assert all(set(row) == {"time", "function", "stream", "message"} for row in rows)


def test_nothing_logged_yet_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("version: 1\n")
    done = run(tmp_path / "config.yaml")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "nothing was logged yet" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nope"], "no log events of nope\n"),
        (["new", "--request-id", "r-7"], "no log events of new that match\n"),
        (["--since", "1s"], "no log events that match\n"),
    ],
)
def test_an_empty_answer_says_so(config: Path, words: list[str], said: str) -> None:
    done = run(config, *words)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", said)
    done = run(config, *words, "--output", "json")
    assert (done.exit_code, json.loads(done.stdout), done.stderr) == (0, [], "")


def test_a_wrong_age_is_usage(config: Path) -> None:
    done = run(config, "--since", "yesterday")
    assert done.exit_code == 2
    assert "neither an age such as 10m" in done.stderr


def test_a_line_begins_with_the_time() -> None:
    event = LogEvent("f", "s", 1_790_000_000.25, "hello\r\n")
    assert line(event, with_function=True) == f"{names.iso_ms(1_790_000_000.25)} f hello\\r"
