"""The scripts of `router completion` in the shells that they are for."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONFIG = "functions:\n  resize: {code: x}\n  report: {}\n  other: {}\n"

pytestmark = pytest.mark.timeout(60)


def missing(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is missing: apt-get install {shell}")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a config, and with `router` and its three scripts in bin/."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    program = tmp_path / "bin/router"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom router.cli import main\nmain()\n")
    program.chmod(0o755)
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run([program, "completion", shell], capture_output=True, text=True, check=True, timeout=60)
        (tmp_path / shell).write_text(done.stdout)
    return tmp_path


def environment(place: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "ROUTER_CONFIG"}
    return {**kept, "PATH": f"{place}/bin:{os.environ['PATH']}", "HOME": str(place), "TERM": "dumb"}


Steps = list[tuple[str, str]]  # what is typed, and what is to be seen before the next
KEYS: Steps = [
    ("router invoke resi\t", "invoke resize"),
    (" -h\n", "Invoke FUNCTION"),
    ("router doct\t", "router doctor"),
    ("-h\n", "Check this machine"),
]


def typed(argv: list[str], place: Path, steps: Steps) -> list[str]:
    """What an interactive shell on a terminal does not come to show, at the first step where that is so."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(place)
        os.execvpe(argv[0], argv, environment(place))
    try:
        for text, wanted in steps:
            os.write(terminal, text.encode())
            shown, end = "", time.monotonic() + 20
            while wanted not in shown:
                if time.monotonic() > end:
                    return [wanted, shown]
                if select.select([terminal], [], [], 0.2)[0]:
                    shown += os.read(terminal, 4096).decode(errors="replace")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)
    return []


@missing("bash")
def test_bash(place: Path) -> None:
    """Through the shell's own completion: a key is pressed."""
    first = ("PS1=; source ./bash; echo ready$((0))\n", "ready0")
    equals = ("router ps --output=js\t", "--output=json")
    assert typed(["bash", "--norc", "--noprofile", "-i"], place, [first, *KEYS, equals]) == []


@missing("bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("router in", "init invoke"),
        ("router ps --output ", "table json"),
        ("router invoke re", "resize report"),
        ("router --config ./none invoke re", ""),
        ("router service un", "uninstall"),
        ("router evnts li", ""),
        ("router ps --output =", "table json"),  # an equals sign is a word of its own to bash
        ("router ps --output = j", "json"),
        ("router --config = ./none invoke re", ""),
        ("router --config = config.yaml invoke re", "resize report"),
        ("router --config = config.yaml ps --output = j", "json"),
        ("router event s3-put bucket = uploads --output = t", "table"),
    ],
)
def test_bash_completes_words(place: Path, words: str, expected: str) -> None:
    program = 'source ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _router_completion router; echo "${COMPREPLY[*]}"'
    argv = ["bash", "-c", program, "-", *words.split(" ")]
    done = subprocess.run(argv, cwd=place, env=environment(place), capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"{expected}\n", "")


@missing("zsh")
def test_zsh(place: Path) -> None:
    (place / "zsh").rename(place / "bin/_router")  # where $fpath is looked through
    first = (f"fpath=({place}/bin $fpath); autoload -U compinit; compinit -u; echo ready$((0))\n", "ready0")
    assert typed(["zsh", "-f", "-i"], place, [first, *KEYS]) == []


@missing("fish")
def test_fish(place: Path) -> None:
    program = 'source ./fish; complete -C "router in"; complete -C "router invoke re"; complete -C "router ps --output "'
    done = subprocess.run(
        ["fish", "--no-config", "-c", program], cwd=place, env=environment(place), capture_output=True, text=True, check=True, timeout=60
    )
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["init", "invoke", "report", "resize", "json", "table"]
