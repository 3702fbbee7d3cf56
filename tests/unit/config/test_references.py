"""What `${…}` stands for: never empty, never shown, never resolved twice."""

import os
from pathlib import Path
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.load import load
from router.config.node import Node
from router.config.references import References, Unresolved, files_in, private
from router.config.types import Names
from router.errors import ConfigError
from tests.unit.config.conftest import BASE, Knock, Place

CANARY = "canary-5bd1e995-canary"


@pytest.fixture
def references(tmp_path: Path) -> References:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/github").write_text(f"{CANARY}\n")
    (tmp_path / "greeting").write_text("hello ${env:NAME}\r\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "nul").write_bytes(b"a\0b")
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    os.mkfifo(tmp_path / "fifo")
    environ = {"NAME": "world", "EMPTY": "", "BYTES": "\udcff", "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    return References(environ, tmp_path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain $ { } $x", "plain $ { } $x"),
        ("${env:NAME}", "world"),
        ("hello ${env:NAME}, ${env:NAME}!", "hello world, world!"),
        ("$${env:NAME}", "${env:NAME}"),
        ("$$${env:NAME}", "$${env:NAME}"),
        ("${file:greeting}", "hello ${env:NAME}"),
        ("${file:./greeting}", "hello ${env:NAME}"),
        ("${credential:github}", CANARY),
    ],
)
def test_what_stands_for_what(references: References, text: str, value: str) -> None:
    assert references.resolve(text) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("${env:OTHER}", "environment variable OTHER is not set"),
        ("${env:EMPTY}", "env EMPTY is empty"),
        ("${env:BYTES}", "environment variable BYTES is not UTF-8 text"),
        ("${NAME}", "not a reference; write ${env:NAME}, ${credential:NAME} or ${file:PATH}, or $${ for a plain ${"),
        ("${env:}", "not a reference; write"),
        ("${enw:NAME}", "not a reference; write"),
        ("${env:NAME", "not a reference; write"),
        ("${}", "not a reference; write"),
        ("${", "not a reference; write"),
        ("${file:absent}", "file absent: No such file or directory"),
        ("${file:empty}", "file empty is empty"),
        ("${file:binary}", "file binary is not UTF-8 text"),
        ("${file:nul}", "file nul holds a NUL character"),
        ("${file:large}", "file large is larger than 64 KB"),
        ("${file:fifo}", "file fifo is not a regular file"),
        ("${file:credentials}", "file credentials is not a regular file"),
        ("${credential:absent}", "credential absent: No such file or directory"),
        ("${credential:../greeting}", "a credential's name is letters, digits, _ . @ -"),
        ("${credential:..}", "a credential's name is letters, digits, _ . @ -"),
    ],
)
def test_what_stands_for_nothing_says_why(references: References, text: str, told: str) -> None:
    with pytest.raises(Unresolved) as caught:
        references.resolve(text)
    assert str(caught.value).startswith(told)


def test_credentials_without_systemd(tmp_path: Path) -> None:
    with pytest.raises(Unresolved, match="CREDENTIALS_DIRECTORY is not set; systemd sets it for LoadCredential="):
        References({}, tmp_path).resolve("${credential:github}")


def test_secrets_are_remembered(references: References) -> None:
    references.resolve("${env:NAME} ${credential:github} ${file:greeting}")
    assert references.secrets == references.given == {CANARY, "hello ${env:NAME}"}


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "apiKey", "DB_PASSWORD", "client-secret", "AUTH", "SHOP_KEY", "AWS_SECRET_ACCESS_KEY"])
def test_names_that_tell_of_secrets(name: str) -> None:
    assert private(name)


@pytest.mark.parametrize("name", ["REGION", "AUTHOR", "KEY_COLUMN", "MONKEY", "COMPASS", "BYPASS_CACHE"])
def test_names_that_tell_of_none(name: str) -> None:
    assert not private(name)


@given(text=st.text("${}:envfilcrda \0\n/."))
def test_any_text_resolves_or_says_why(text: str) -> None:
    try:
        found = References({"e": "x"}, Path("/nonexistent")).resolve(text)
    except Unresolved:
        return
    assert "${" in text or found == text


# -- through the loader

NAME = "ENVIRONMENT_OF_THE_TEST"


def test_values_of_every_kind_may_be_references(place: Place) -> None:
    text = (
        BASE + f'    timeout: "${{env:{NAME}}}"\n    memory: ${{env:{NAME}}}0\n    environment: {{A: "x-${{env:{NAME}}}", B: "$${{y}}"}}\n'
    )
    function = place.load(text, {NAME: "30"}).functions["f"]
    assert (function.timeout, function.memory) == (30.0, 300)
    assert function.environment == {"A": "x-30", "B": "${y}"}


def test_no_mistake_shows_a_value(place: Place) -> None:
    (place.root / "secret").write_text(CANARY)
    for key in ("timeout", "memory", "runtime", "isolation", "log_format", "maximum_retry_attempts", "reserved_concurrency"):
        for reference in ("${file:secret}", f"${{env:{NAME}}}"):
            found = "\n".join(place.mistakes(BASE + f"    {key}: {reference}\n", {NAME: CANARY}))
            assert found.startswith(f"config.yaml:6:{7 + len(key)}: functions.f.{key}: ")
            assert CANARY not in found
    for top in ("region", "account", "drain", "listen: {http", "listen: {console", "buckets: {uploads: {path: x, watcher", "version"):
        text = f"{top}: '${{env:{NAME}}}'" + "}" * top.count("{")
        assert CANARY not in "\n".join(place.mistakes(("" if top == "version" else "version: 1\n") + text, {NAME: CANARY}))


def test_a_value_out_of_range_is_not_shown(place: Place) -> None:
    assert place.mistakes(f"version: 1\ndrain: ${{env:{NAME}}}\n", {NAME: "99999777"}) == [
        "config.yaml:2:8: drain: this value is outside 0 to 1 h"
    ]


def test_a_reference_to_nothing_has_its_place(place: Place) -> None:
    assert place.mistakes(BASE + "    environment: {A: '${env:X}'}\n") == [
        "config.yaml:6:22: functions.f.environment.A: ${env:X}: environment variable X is not set"
    ]


def test_the_config_knows_its_secrets_and_does_not_show_them(place: Place) -> None:
    (place.root / "secret").write_text(CANARY)
    text = BASE + "    environment: {A: '${file:secret}', DB_PASSWORD: hunter2, COLOUR: blue}\n"
    config = place.load(text)
    assert config.secrets == {CANARY, "hunter2"}
    assert config.functions["f"].environment["A"] == CANARY
    assert CANARY not in repr(config)
    assert "hunter2" not in repr(config)


def test_no_secret_shows_even_when_a_trigger_quotes_it(place: Place) -> None:
    (place.root / "secret").write_text(f"{CANARY}\n second line")
    text = BASE + "    triggers: [quote: '${file:secret}']\n"
    place.file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(place.file, {"quote": Quote}, environ={})
    assert caught.value.problems == ("config.yaml:6:23: functions.f.triggers[0].quote: I do not like [redacted]\\x00",)


@pytest.mark.parametrize(
    "secret",
    [
        "hunter2/" * 12,  # longer than what is quoted of a value
        "hun\x07ter2hunter2\x07hunter2",
        'hunter2"hunter2\\hunter2',
        "https://user:hunter2@hunter2.example.com//x/../y",
        "h2x",
    ],
)
@pytest.mark.parametrize(
    "line",
    [
        "role: '{}'",
        "handler: '{}'",
        "require: ['{}']",
        "code: '{}'",
        "layers: ['{}']",
        "runtime: provided\n    command: ['{}']",
        "on_failure: {{queue: '{}'}}",
        "log_group: 'no {}'",
    ],
)
def test_no_mistake_shows_a_part_of_a_value(place: Place, secret: str, line: str) -> None:
    (place.root / "secret").write_text(secret)
    keys = {one.strip().partition(":")[0] for one in line.splitlines()}
    base = "".join(one for one in BASE.splitlines(keepends=True) if one.strip().partition(":")[0] not in keys)
    text = base + "    " + line.format("${file:secret}") + "\n"
    found = "\n".join(place.mistakes(text))
    assert not any(part in found for part in ("unter2", "h2x"))


def test_a_word_that_stands_in_the_file_hides_no_other(place: Place) -> None:
    text = BASE + "    snap_start: yes\n    environment: {REQUIRE_AUTH: 'true', SORT_KEY: name}\n"
    assert place.mistakes(text) == ["config.yaml:6:17: functions.f.snap_start: yes is not true or false"]


class Quote(Knock):
    """A trigger that quotes what it is given."""

    @classmethod
    def read(cls, node: Node, names: Names) -> Self:
        node.problem(f"I do not like {node.text('')}\0")
        return cls("x")


def test_files_that_a_text_refers_to() -> None:
    text = "a: ${file:one}\nb: [${file:./two}, '$${file:none}', ${env:X}, ${file:}]\nc: ${file:open"
    assert list(files_in(text)) == ["one", "./two"]
