"""Functions that are programs: the bootstrap and the command must be there, and can be run."""

import pytest

from tests.unit.config.conftest import Place

HEAD = "version: 1\nfunctions:\n  f:\n    code: ./code\n"


@pytest.fixture
def shop(place: Place) -> Place:
    for name, mode in (("code/run.sh", 0o755), ("run.sh", 0o755), ("code/plain.txt", 0o644)):
        (place.root / name).write_text("#!/bin/sh\n")
        (place.root / name).chmod(mode)
    return place


@pytest.mark.parametrize("runtime", ["provided", "provided.al2", "provided.al2023"])
def test_a_bootstrap_needs_no_handler_but_may_have_one(shop: Place, runtime: str) -> None:
    text = f"{HEAD}    runtime: {runtime}\n"
    assert shop.mistakes(text) == ["config.yaml:4:11: functions.f.code: DIR/code/bootstrap does not exist"]
    (shop.root / "code/bootstrap").write_text("#!/bin/sh\n")
    assert shop.mistakes(text) == ["config.yaml:4:11: functions.f.code: DIR/code/bootstrap is not executable; chmod +x it"]
    (shop.root / "code/bootstrap").chmod(0o755)
    function = shop.load(text).functions["f"]
    assert (function.runtime, function.handler, function.command) == (runtime, "", ())
    assert shop.load(text + "    handler: anything\n").functions["f"].handler == "anything"
    assert shop.mistakes(text + "    command: ./run.sh\n") == ["config.yaml:6:14: functions.f.command: only used by runtime: command"]


def test_a_command_is_a_program_and_its_arguments(shop: Place) -> None:
    text = f"{HEAD}    runtime: command\n    command: "
    assert shop.load(text + "[./run.sh, a b, ''] \n").functions["f"].command == ("./run.sh", "a b", "")
    assert shop.load(text + "cat\n").functions["f"].command == ("cat",)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("[]", "command: a program and its arguments; write [./script.sh, argument]"),
        ("['']", "command: a program and its arguments; write [./script.sh, argument]"),
        ("[./nowhere.sh]", "command: DIR/code/nowhere.sh does not exist"),
        ("[./plain.txt]", "command: DIR/code/plain.txt is not executable; chmod +x it"),
        ("[run.sh]", "command: run.sh is not found in /usr/local/bin:/usr/bin:/bin; for the file in the code directory write ./run.sh"),
        ("[../run.sh]", "command: ../run.sh leads out of the code directory, of which a copy runs; write the whole path"),
        ("[./a/../../run.sh]", "command: ./a/../../run.sh leads out of the code directory, of which a copy runs; write the whole path"),
        ("[no-such-program]", "command: no-such-program is not found in /usr/local/bin:/usr/bin:/bin"),
    ],
)
def test_a_command_that_cannot_run(shop: Place, command: str, told: str) -> None:
    assert shop.mistakes(f"{HEAD}    runtime: command\n    command: {command}\n") == [f"config.yaml:6:14: functions.f.{told}"]


def test_a_command_has_no_handler_and_must_be_there(shop: Place) -> None:
    assert shop.mistakes(f"{HEAD}    runtime: command\n    command: cat\n    handler: app.f\n") == [
        "config.yaml:7:14: functions.f.handler: not used by runtime command; what runs is command"
    ]
    (told,) = shop.mistakes(f"{HEAD}    runtime: command\n")
    assert told.endswith("functions.f.command: is required by runtime command; write [./script.sh, argument]")
    assert shop.mistakes(f"{HEAD}    command: cat\n    handler: app.handler\n") == [
        "config.yaml:5:14: functions.f.command: only used by runtime: command"
    ]
