"""What works but should be known."""

import os
from dataclasses import replace

import pytest

from router.config.checks import exposures, notes
from router.config.types import Listen
from tests.unit.config.conftest import BASE, Place


def told(place: Place, text: str) -> list[str]:
    return [note.replace(str(place.root), "DIR") for note in notes(place.load(text))]


def test_what_stands_open_to_strangers(place: Place) -> None:
    class Gate:
        word = "gate"

        def notes(self, listen: Listen) -> list[str]:
            return [f"{listen} is open"] if listen.host == "0.0.0.0" else []

    config = place.load(BASE)
    (function,) = config.functions.values()
    gated = replace(config, functions={"f": replace(function, triggers=(Gate(),))})
    assert exposures(gated) == ()
    public = replace(gated, http=Listen("tcp", "0.0.0.0", 80))
    assert exposures(public) == ("functions.f: 0.0.0.0:80 is open",)
    assert notes(public) == exposures(public)


def test_nothing_odd(place: Place) -> None:
    (place.root / "in").mkdir()
    (place.root / "shop.db").touch()
    assert told(place, BASE + "buckets: {uploads: in}\ntables: {orders: {sqlite: shop.db}}\n") == []


def test_what_is_not_there_yet(place: Place) -> None:
    assert told(place, "version: 1\nbuckets: {one: a, two: {path: b, mount: required}}\ntables: {orders: {sqlite: shop.db}}\n") == [
        "buckets.one: DIR/a does not exist; it will be created",
        "buckets.two: DIR/b does not exist; nothing is scanned until it is mounted",
        "tables.orders: DIR/shop.db does not exist; the feed waits for it",
        "functions: none; there is nothing to run",
    ]


def test_a_config_that_anybody_can_change(place: Place) -> None:
    place.load(BASE)
    os.chmod(place.file, 0o666)
    assert told(place, BASE) == ["config.yaml can be changed by every user of this machine; chmod o-w DIR/config.yaml"]


def test_a_config_inside_a_bucket(place: Place) -> None:
    assert told(place, BASE + "state: /nowhere/state\nbuckets: {uploads: .}\n") == [
        "buckets.uploads: config.yaml lies inside the bucket; functions can change it"
    ]


def test_directories_are_compared_where_they_really_are(place: Place) -> None:
    (place.root / "real").mkdir()
    (place.root / "link").symlink_to("real")
    (place.root / "loop").symlink_to("loop")
    assert place.mistakes("version: 1\nbuckets: {one: real, two: link/x, six: loop}\n") == [
        "config.yaml:2:27: buckets.two: lies inside the directory of bucket one; a file would be an object of both"
    ]
    assert place.mistakes("version: 1\nbuckets: {all: /}\n") == [
        "config.yaml:1:1: state: lies inside bucket all; journal and logs would be objects"
    ]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("./code/app.py", "is code of function f, no database"),
        ("code", "is code of function f, no database"),
        ("link/app.py", "is code of function f, no database"),
        ("config.yaml", "is the config itself, no database"),
        ("state/journal.db", "lies inside the state directory, which is the daemon's own"),
        ("state", "lies inside the state directory, which is the daemon's own"),
    ],
)
def test_a_database_is_nothing_that_the_daemon_keeps_or_runs(place: Place, path: str, wrong: str) -> None:
    (place.root / "link").symlink_to("code")
    tables = f"tables:\n  orders: {{sqlite: {path}}}\n"
    assert place.mistakes(BASE + tables) == [f"config.yaml:7:20: tables.orders.sqlite: {wrong}"]


def test_a_database_beside_the_state_and_the_handler(place: Place) -> None:
    config = place.load(BASE + "tables: {one: {sqlite: state-2/shop.db}, two: {sqlite: code/shop.db}}\n")
    assert len(config.tables) == 2


def test_names_that_are_too_long_are_mistakes_of_their_own(place: Place) -> None:
    """Of the code, and not the end of the reading."""
    long = "x" * 300
    text = f"version: 1\ntables: {{orders: {{sqlite: shop.db}}}}\nfunctions: {{f: {{code: {long}, handler: app.f}}}}\n"
    (told,) = place.mistakes(text)
    assert told.startswith("config.yaml:3:23: functions.f.code: ")


def test_a_file_that_is_no_database(place: Place) -> None:
    (place.root / "a.db").write_bytes(b"a,b,c\n")
    (place.root / "b.db").mkdir()
    (place.root / "c.db").touch()
    (place.root / "d.db").write_bytes(b"SQLite format 3\0 and so on")
    (place.root / "e.db").symlink_to("e.db")
    tables = "".join(f"  {name}{name}{name}: {{sqlite: {name}.db}}\n" for name in "abcde")
    tables += f"  fff: {{sqlite: {'f' * 300}}}\n"
    assert told(place, BASE + "tables:\n" + tables) == [
        "tables.aaa: DIR/a.db is no SQLite database; the feed waits for it",
        "tables.bbb: DIR/b.db is no file; the feed waits for it",
        "tables.eee: DIR/e.db does not exist; the feed waits for it",
        f"tables.fff: DIR/{'f' * 300} cannot be read: File name too long; the feed waits for it",
    ]


def test_neighbours_are_not_nested(place: Place) -> None:
    config = place.load("version: 1\nstate: data/b-state\nbuckets: {one: data/b, two: data/bb, six: data/a}\n")
    assert len(config.buckets) == 3


def test_reservations_that_fit(place: Place) -> None:
    text = "version: 1\nlimits: {concurrency: 10}\n" + BASE.removeprefix("version: 1\n")
    more = "  g: {code: code, handler: app.f, reserved_concurrency: 4}\n"
    assert place.load(text + "    reserved_concurrency: 6\n" + more)
    assert place.load(text + "    reserved_concurrency: 5\n" + more + "  h: {code: code, handler: app.f}\n")
    assert place.mistakes(text + "    reserved_concurrency: 7\n" + more) == [
        "config.yaml:8:57: functions.g.reserved_concurrency: all reservations up to here come to 11 of 10 (limits.concurrency)"
    ]


def test_provisioned_concurrency_that_fits(place: Place) -> None:
    text = "version: 1\nlimits: {concurrency: 10}\n" + BASE.removeprefix("version: 1\n")
    g = "  g: {code: code, handler: app.f, reserved_concurrency: 4, provisioned_concurrency: 4}\n"
    assert place.load(text + "    provisioned_concurrency: 6\n" + g)
    assert place.mistakes(text + "    provisioned_concurrency: 7\n" + g) == [
        "config.yaml:7:30: functions.f.provisioned_concurrency: all provisioned concurrency up to here comes to 7 of 6 that are not reserved"
    ]


def test_memory_that_fits(place: Place) -> None:
    text = "version: 1\nlimits: {memory: 1GB}\n" + BASE.removeprefix("version: 1\n")
    g = "  g: {code: code, handler: app.f, memory: 256, provisioned_concurrency: 3}\n"
    assert place.load(text + "    memory: 256\n" + g).limits.memory == 1024
    assert place.mistakes(text + "    memory: 257\n" + g) == [
        "config.yaml:7:13: functions.f.memory: 257 MB never fit into the 1024 MB of limits.memory beside the 768 MB of what is provisioned"
    ]
    assert place.mistakes(text + g + "  h: {code: code, handler: app.f, provisioned_concurrency: 3}\n") == [
        "config.yaml:8:60: functions.h.provisioned_concurrency: all that is provisioned up to here takes 1152 of 1024 MB (limits.memory)"
    ]
    assert place.mistakes(text + "    memory: 2GB\n") == [
        "config.yaml:7:13: functions.f.memory: 2048 MB never fit into the 1024 MB of limits.memory"
    ]


def test_a_file_is_no_bucket(place: Place) -> None:
    (place.root / "in").touch()
    assert told(place, BASE + "buckets: {uploads: in}\n") == [
        "buckets.uploads: DIR/in is no directory; there is nothing in the bucket until it is one"
    ]


def test_a_bucket_whose_path_cannot_be_looked_at(place: Place) -> None:
    assert told(place, BASE + f"buckets: {{uploads: {'b' * 300}}}\n") == [
        f"buckets.uploads: DIR/{'b' * 300}: File name too long; there is nothing in the bucket until that is mended"
    ]


def test_what_waits_for_a_listener_that_is_off(place: Place) -> None:
    class Route:
        word = "http"

    config = place.load(BASE)
    (function,) = config.functions.values()
    served = replace(config, functions={"f": replace(function, role="r", triggers=(Route(),))})
    assert notes(served) == ()
    off = Listen("off")
    assert notes(replace(served, http=off, aws=off)) == (
        "listen.http is off: nobody reaches the routes, URLs and webhooks of f",
        "listen.aws is off: there are no credentials for the roles of f",
    )
    assert notes(replace(config, http=off, aws=off)) == ()
