"""What a shell completes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from router.cli.completing import keys
from router.cli.group import COMMANDS, root

NESTED = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abf", max_size=3), inner, max_size=3),
    max_leaves=8,
)


def completed(*words: str) -> list[str]:
    return [item.value for item in ShellComplete(root, {}, "router", "_ROUTER_COMPLETE").get_completions(list(words[:-1]), words[-1])]


@given(
    document=st.dictionaries(st.sampled_from(["functions", "a", "b"]), NESTED),
    names=st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), NESTED),
)
def test_the_names_are_the_keys_of_the_section(document: dict[str, object], names: dict[str, object]) -> None:
    assert keys(yaml.safe_dump({**document, "functions": names}, sort_keys=False, allow_unicode=True).encode(), "functions") == list(names)


@given(text=st.binary() | st.text().map(str.encode), cut=st.integers(0, 40))
def test_whatever_stands_there_is_no_fault(text: bytes, cut: int) -> None:
    keys(text, "functions")
    assert set(keys(b"functions:\n  first: {a: 1}\n  second: [1\n"[:cut], "functions")) <= {
        "first",
        "second",
        "secon",
        "firs",
        "s",
        "f",
        *PREFIXES,
    }


PREFIXES = {name[:end] for name in ("first", "second") for end in range(1, 7)}


def test_commands_options_and_values_are_completed(tmp_path: Path) -> None:
    assert completed("in") == ["init", "invoke"]
    assert completed("") == list(COMMANDS)
    assert "--version" in completed("--")
    assert completed("ps", "--output", "") == ["table", "json"]
    assert completed("events", "li") == ["list"]
    assert completed("event", "s3-d") == ["s3-delete"]
    assert completed("completion", "") == ["bash", "zsh", "fish"]
    assert completed("no-such", "x") == []


@pytest.mark.parametrize(
    "words", [("invoke", "re"), ("logs", "re"), ("events", "list", "--function", "re"), ("why", "--function", "re")], ids=" ".join
)
def test_functions_of_the_config_are_completed(words: tuple[str, ...], tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("functions:\n  resize: {code: x}\n  other: {}\n")
    assert completed("--config", str(config), *words) == ["resize"]
    assert completed("--config", str(tmp_path / "none.yaml"), *words) == []


def test_completing_a_command_imports_none() -> None:
    environment = {**os.environ, "_ROUTER_COMPLETE": "bash_complete", "COMP_WORDS": "router in", "COMP_CWORD": "1"}
    program = (
        "import sys\nfrom router.cli.group import root\n"
        "try:\n    root.main([])\nexcept SystemExit:\n    pass\n"
        "print(*sorted(name for name in sys.modules if name.startswith('router.')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "plain,init\nplain,invoke\n"
    assert done.stderr.split() == [
        "router.cli",
        "router.cli.exits",
        "router.cli.group",
        "router.cli.settings",
        "router.cli.text",
        "router.errors",
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_told_by_its_variable(shell: str) -> None:
    named = CliRunner().invoke(root, ["completion", shell])
    assert (named.exit_code, "_ROUTER_COMPLETE" in named.stdout) == (0, True)
    assert CliRunner().invoke(root, ["completion"], env={"SHELL": f"/usr/bin/{shell}"}).stdout == named.stdout
    assert f'"shell": "{shell}"' in CliRunner().invoke(root, ["completion", shell, "--output", "json"]).stdout


@pytest.mark.parametrize(("variable", "told"), [("/bin/dash", "/bin/dash"), ("", "not set")])
def test_another_shell_is_refused(variable: str, told: str) -> None:
    done = CliRunner().invoke(root, ["completion"], env={"SHELL": variable})
    assert (done.exit_code, done.stderr) == (2, f"Error: which shell? $SHELL is {told}; name one: bash, zsh, fish\n")
