"""What a good file comes to, and that nothing in a bad one takes us by surprise. The words for mistakes: test_mistakes.py."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from router.config.load import load
from router.config.types import Bucket, Config, Limits, Listen, Retention, Table
from router.errors import ConfigError
from tests.unit.config.conftest import BASE, TRIGGERS, Drop, Knock, Place

FULL = """\
version: 1
region: eu-west-1
account: 012345678901
state: ./var/state
listen: {http: "[::1]:0", console: unix:./console.sock, aws: off}
limits: {concurrency: 20, idle: 5m}
drain: 1m
retention: {logs: 30d, history: 12h}
buckets:
  uploads: ./data/uploads
  my.results: {path: /srv/results, settle: 500ms, scan: 30, after: keep, mount: required, watcher: scan, ignore: ["*.bak"]}
tables:
  orders: {sqlite: ./shop.db, key: id, view: NEW_IMAGE, install: auto}
functions:
  f:
    code: ./code
    handler: app.handler
    runtime: python3.11
    timeout: 1m
    memory: 1GB
    environment: {COUNTRY: no, TIME: 08:30, OCTAL: 010, NUMBER: 1.50, GREETING: "hello\\n", EMPTY: ""}
    reserved_concurrency: 0
    isolation: auto
    log_format: text
    maximum_retry_attempts: 0
    maximum_event_age: 1h
    triggers:
      - knock: front
      - knock: {door: back, loud: true, enabled: true}
      - knock: {door: front, enabled: false}
      - s3: uploads
  g: {code: ./code, handler: app.other}
"""


def test_everything_at_once(place: Place) -> None:
    root = place.root
    config = place.load(FULL)
    assert config.file == root / "config.yaml"
    assert (config.region, config.account, config.state, config.drain) == ("eu-west-1", "012345678901", root / "var/state", 60.0)
    assert (config.http, config.console) == (Listen("tcp", "::1", 0), Listen("unix", path=root / "console.sock"))
    assert (config.limits, config.retention) == (Limits(20, 300.0), Retention(30 * 86400.0, 43200.0))
    assert config.buckets == {
        "uploads": Bucket("uploads", root / "data/uploads", lies=root / "data/uploads"),
        "my.results": Bucket("my.results", Path("/srv/results"), 0.5, 30.0, "required", "scan", ("*.bak",), lies=Path("/srv/results")),
    }
    assert config.tables == {"orders": Table("orders", root / "shop.db", "orders", ("id",), "NEW_IMAGE", "auto")}
    f, g = config.functions.values()
    assert (f.name, f.code, f.handler, f.runtime, f.timeout, f.memory) == ("f", root / "code", "app.handler", "python3.11", 60.0, 1024)
    assert f.environment == {"COUNTRY": "no", "TIME": "08:30", "OCTAL": "010", "NUMBER": "1.50", "GREETING": "hello\n", "EMPTY": ""}
    assert (f.reserved_concurrency, f.maximum_retry_attempts, f.maximum_event_age) == (0, 0, 3600.0)
    assert f.triggers == (Knock("front"), Knock("back", loud=True), Drop("uploads"))
    assert f.placed() == [(0, f.triggers[0]), (1, f.triggers[1]), (3, f.triggers[2])]
    assert (g.runtime, g.timeout, g.memory, g.reserved_concurrency, g.triggers) == ("python", 3.0, 128, None, ())


def test_the_least_there_can_be(place: Place) -> None:
    assert place.load("version: 1\n") == Config(place.file, place.root / "state")
    assert place.load("version: 1\nbuckets:\nfunctions:\nlisten:\nlimits: {}\n") == Config(place.file, place.root / "state")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(place: Place) -> None:
    text = (
        "version: 1\nregion: x\n"
        + BASE.removeprefix("version: 1\n")
        + "    timeout: 0\n    memory: 1\n    triggers: [knock: A]\nbuckets: {A: x}\ndrain: -1\n"
    )
    places = [line.split(": ")[0] for line in place.mistakes(text)]
    assert places == [f"config.yaml:{line}" for line in ("2:9", "7:14", "8:13", "9:23", "10:11", "11:8")]


def test_claims_are_compared_over_functions(place: Place) -> None:
    text = BASE + "    triggers: [knock: a]\n  g:\n    code: code\n    handler: app.f\n    triggers: [knock: a]\n"
    assert place.mistakes(text) == [
        "config.yaml:10:23: functions.g.triggers[0].knock: door a is taken already by functions.f.triggers[0].knock (config.yaml:6:23)"
    ]


def test_a_runtime_may_be_refused_by_who_knows_the_machine(place: Place) -> None:
    asked: list[str] = []

    def runtimes(name: str) -> str:
        asked.append(name)
        return "" if name == "python" else f"{name} is not installed here"

    assert place.mistakes(BASE + "    runtime: python3.99\n", runtimes=runtimes) == [
        "config.yaml:6:14: functions.f.runtime: python3.99 is not installed here"
    ]
    assert place.load(BASE, runtimes=runtimes).functions["f"].runtime == "python"
    assert asked == ["python3.99", "python"]
    assert place.mistakes(BASE, runtimes=lambda _: "no Python here") == [
        "config.yaml:4:5: functions.f.runtime: no runtime that can be used here; write python, python3.N, nodejs, nodejsN.x, provided, provided.al2, provided.al2023 or command"
    ]


# -- files that are no config


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n..."])
def test_an_empty_file(place: Place, text: str) -> None:
    assert place.mistakes(text)[-1] in {
        "config.yaml:1:1: the file is empty; begin with version: 1",
        "config.yaml:2:1: version: is required: write version: 1",
    }


def test_bytes_that_are_no_text(place: Place) -> None:
    assert place.mistakes(b"version: 1\nregion: \xff\n") == ["config.yaml:2:9: byte 0xff is not UTF-8 text"]
    assert place.mistakes("version: 1\n".encode("utf-16")) == ["config.yaml:1:1: byte 0xff is not UTF-8 text"]


def test_a_byte_order_mark_is_no_mistake(place: Place) -> None:
    assert place.load(b"\xef\xbb\xbf" + BASE.encode()).functions


def test_a_large_file_is_refused_before_it_is_read(place: Place) -> None:
    begun = time.perf_counter()
    assert place.mistakes(b"a: [" + b"[" * 10_000_000) == ["config.yaml:1:1: larger than 1 MB; this is no config file"]
    assert time.perf_counter() - begun < 1


def test_what_is_no_file(place: Place) -> None:
    with pytest.raises(ConfigError, match=r"^config\.yaml: .*/config\.yaml: No such file or directory$"):
        load(place.file, TRIGGERS)
    place.file.mkdir()
    with pytest.raises(ConfigError, match="is not a regular file"):
        load(place.file, TRIGGERS)
    place.file.rmdir()
    os.mkfifo(place.file)
    with pytest.raises(ConfigError, match="is not a regular file"):
        load(place.file, TRIGGERS)


def test_a_bomb_of_aliases_never_goes_off(place: Place) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    begun = time.perf_counter()
    found = place.mistakes("version: 1\n" + bomb)
    assert time.perf_counter() - begun < 1
    assert found[0] == "config.yaml:2:5: anchor &a0: anchors are not supported"


@pytest.mark.parametrize(
    "text", ["[" * 500_000, "- " * 400_000, "? " * 400_000, "{a: " * 200_000, "a:\n" + "".join(" " * n + "a:\n" for n in range(1, 1000))]
)
def test_depth_is_bounded(place: Place, text: str) -> None:
    begun = time.perf_counter()
    found = place.mistakes(text)
    assert time.perf_counter() - begun < 2
    assert any("nested more than 50 levels deep" in line for line in found)


def test_a_file_full_of_mistakes_tells_a_hundred_and_counts_the_rest(place: Place) -> None:
    begun = time.perf_counter()
    found = place.mistakes("version: 1\n" + "".join(f"regio{n}: x\n" for n in range(50_000)))
    assert time.perf_counter() - begun < 5
    assert len(found) == 101
    assert found[0] == "config.yaml:2:1: regio0: unknown key, did you mean region?"
    assert found[-1] == "config.yaml: … and 49900 more"


def test_many_functions_load_quickly(place: Place) -> None:
    lines = ["version: 1\nfunctions:\n"]
    lines += [
        f"  f{n}:\n    code: ./code\n    handler: app.handler\n    timeout: 30\n    triggers: [knock: {{door: a}}, s3: x]\n"
        for n in range(10)
    ]
    assert len(place.mistakes("".join(lines))) == 9 + 10
    many = "".join(
        [lines[0], *(f"  f{n}:\n    code: ./code\n    handler: app.handler\n    timeout: 30\n    memory: 256\n" for n in range(2000))]
    )
    begun = time.process_time()
    assert len(place.load(many).functions) == 2000
    assert time.process_time() - begun < 3  # 0.3 s on an idle core; the limit only catches what grows with the square


def test_paths_are_relative_to_the_file_also_through_a_symlink(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    place.file.write_text(BASE)
    link = other / "config.yaml"
    link.symlink_to(place.file)
    with pytest.raises(ConfigError) as caught:
        load(link, TRIGGERS)
    assert caught.value.problems == (f"config.yaml:4:11: functions.f.code: {other}/code does not exist",)


def test_a_relative_name_is_enough(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.file.write_text(BASE)
    monkeypatch.chdir(place.root)
    assert load(Path("config.yaml"), TRIGGERS).functions["f"].code == place.root / "code"


# -- nothing but ConfigError, whatever the text

WORDS = st.sampled_from(
    [
        *(
            "version: 1\n",
            "functions:\n",
            "  f:\n",
            "    code: ./code\n",
            "    handler: app.handler\n",
            "    triggers:\n",
            "      - knock: a\n",
        ),
        *(
            "buckets:\n",
            "  uploads: x\n",
            "listen: {",
            "}",
            "[",
            "]",
            "- ",
            "? ",
            ": ",
            "*a",
            "&a",
            "!!binary",
            "!x",
            "<<: ",
            "'",
            '"',
            "|\n",
            ">\n",
            "%",
        ),
        *(
            "\t",
            "  ",
            "\n",
            "---\n",
            "...\n",
            "#",
            "${env:X}",
            "${file:x}",
            "$${",
            "${",
            "~",
            "null",
            "010",
            "1e999",
            "08:30",
            "\x85",
            "\u2028",
            "\ufeff",
        ),
        *(
            "triggers: [s3: {bucket: [x]}]",
            "environment: {A: {}}",
            "limits: {concurrency: 5s}",
            "reserved_concurrency: 99999999999999999999",
            "timeout: .inf",
        ),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=300)
@given(text=st.text(max_size=200) | st.lists(WORDS | st.text(max_size=5), max_size=30).map("".join))
@example(text="%YAML 9.9\n---\na")
@example(text="version: 1\nstate: '\\0'")
@example(text='"\\ud800": 1')
@example(text="a: " + "9" * 5000)
def test_any_text_is_a_config_or_a_config_error(place: Place, text: str) -> None:
    found = outcome(place, text.encode("utf-8", "surrogatepass"))
    assert isinstance(found, Config) or (found and all(line.startswith("config.yaml") and line.isprintable() for line in found)), found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_a_config_or_a_config_error(place: Place, content: bytes) -> None:
    found = outcome(place, content)
    assert isinstance(found, Config) or found


def outcome(place: Place, content: bytes) -> Config | tuple[str, ...]:
    try:
        return place.load(content, {"X": "1"})
    except ConfigError as error:
        return error.problems
