"""What a service of a config is made of."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.cli import shipped
from router.cli.service_files import ALL, DROP_IN, OVERRIDES, SERVICE, SOCKETS, Needs, Place, files, needs, refusals, writable
from router.cli.service_text import ours, settings, words
from router.config.types import Bucket, Config, Function, Listen, Table

PROGRAM = "/opt/event-router/.venv/bin/router"
CONFIG = Config(
    Path("/etc/event-router/config.yaml"),
    Path("/var/lib/event-router"),
    buckets={"inbox": Bucket("inbox", Path("/srv/event-router/inbox"))},
    functions={"f": Function("f", Path("/etc/event-router/handlers/f"), "app.handler")},
)
PATHS = st.lists(st.sampled_from(["data", "srv", "event-router", "my photos", "100%", "a$b"]), min_size=1, max_size=4).map(
    lambda parts: Path("/", *parts)
)


def config(**changes: object) -> Config:
    from dataclasses import replace

    return replace(CONFIG, **changes)


def needed(of: Config = CONFIG, program: str = PROGRAM) -> Needs:
    return needs(of, (program,), [Path(program)])


def texts(of: Needs) -> dict[Path, str]:
    return {file.path: file.text for file in files(of, shipped.units())}


def dropped_in(of: Needs) -> dict[str, list[str]]:
    return settings([texts(of)[DROP_IN]])


def buckets(*paths: str, mount: str = "optional") -> dict[str, Bucket]:
    return {f"b{number}": Bucket(f"b{number}", Path(path), mount=mount) for number, path in enumerate(paths)}  # type: ignore[arg-type]


def test_what_the_shipped_unit_says_needs_no_drop_in_and_no_socket() -> None:
    found = texts(needed())
    assert list(found) == list(ALL[:3])
    assert found[SERVICE] == shipped.units()["router.service"]


def test_every_file_is_known_as_ours() -> None:
    everything = config(http=Listen("systemd"), aws=Listen("systemd"), console=Listen("systemd"), drain=31.0)
    found = texts(needed(everything))
    assert set(found) == set(ALL)
    assert all(map(ours, found.values()))


def test_another_program_and_config_are_started_and_reloaded() -> None:
    other = config(file=Path("/srv/my app/50%.yaml"))
    found = dropped_in(needed(other, "/usr/local/bin/router"))
    assert found["ExecStart"] == ['/usr/local/bin/router run --config "/srv/my app/50%%.yaml"']
    assert found["ExecReload"] == ['/usr/local/bin/router reload --config "/srv/my app/50%%.yaml"']
    assert "ExecStart=\nExecStart=" in texts(needed(other))[DROP_IN]  # or systemd would have two
    assert "ReadWritePaths" not in found


def test_where_objects_are_moved_to_may_be_written() -> None:
    moved = Bucket("in", Path("/srv/event-router/in"), after="move", goal=Path("/data/handled"))
    assert dropped_in(needed(config(buckets={"in": moved})))["ReadWritePaths"] == ["-/data/handled"]


def test_what_the_config_writes_may_be_written() -> None:
    written = config(
        state=Path("/data/state"),
        buckets=buckets("/data/my photos", "/srv/event-router/x", "/data/my photos too"),
        tables={"orders": Table("orders", Path("/db/shop.db"), "orders")},
        http=Listen("unix", path=Path("/run/shop/http.sock")),
        console=Listen("unix", path=Path("/run/event-router/console.sock")),
    )
    found = [word for value in dropped_in(needed(written))["ReadWritePaths"] for word in words(value)]
    assert found == ["-/data/my photos", "-/data/my photos too", "-/data/state", "-/db", "-/run/shop"]


@given(paths=st.lists(PATHS, max_size=6))
def test_everything_written_lies_in_what_may_be_written_once(paths: list[Path]) -> None:
    unit = settings([shipped.units()["router.service"]])
    of = Needs((PROGRAM,), tuple(Place("b", path, "data", path) for path in paths), CONFIG.file)
    found = writable(of, unit)
    let = [*found, Path("/srv/event-router"), Path("/var/lib/event-router")]
    assert all(any(path.is_relative_to(above) for above in let) for path in paths)
    assert not any(one.is_relative_to(above) for one in found for above in let if one != above)


@pytest.mark.parametrize(("drain", "stop"), [(30.0, None), (10.0, None), (30.5, ["46"]), (900.0, ["915"])])
def test_the_stop_outlasts_the_drain(drain: float, stop: list[str] | None) -> None:
    found = texts(needed(config(drain=drain)))
    assert (settings([found[DROP_IN]])["TimeoutStopSec"] if DROP_IN in found else None) == stop


def test_users_of_their_own_need_a_daemon_that_is_root() -> None:
    found = dropped_in(needed(config(users=(200000, 265535))))
    shown = settings([shipped.units()["drop-ins/own-users.conf"]])
    assert found == shown
    assert found["User"] == ["root"]


@pytest.mark.parametrize(("name", "port"), [("http", 8080), ("aws", 4566), ("console", 8081)])
def test_each_listener_of_systemds_has_a_socket_of_its_own(name: str, port: int) -> None:
    found = texts(needed(config(**{name: Listen("systemd")})))
    assert set(found) & set(SOCKETS.values()) == {SOCKETS[name]}
    text = found[SOCKETS[name]]
    assert re.findall(r"^(?:ListenStream|FileDescriptorName|Service)=(.*)$", text, re.MULTILINE) == [
        f"127.0.0.1:{port}",
        name,
        *(["router.service"] if name != "http" else []),
    ]
    assert f"{{{name}: systemd}}" in text


def test_directories_are_made_but_for_those_that_are_mounted() -> None:
    of = config(
        buckets={"usb": Bucket("usb", Path("/mnt/usb"), mount="required"), **buckets("/data/x")},
        tables={"t": Table("t", Path("/mnt/usb/db/t.db"), "t")},
        http=Listen("unix", path=Path("/run/shop/http.sock")),
    )
    assert {place.what for place in needed(of).places if place.mount} == {"buckets.usb", "tables.t"}
    assert {str(place.path) for place in needed(of).places if place.make} == {"/var/lib/event-router", "/data/x"}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"file": Path("/home/alice/config.yaml")}, "the config: /home/alice/config.yaml is below /home"),
        ({"state": Path("/var/tmp/state")}, "state: /var/tmp/state is below /var/tmp"),
        ({"buckets": buckets("/root/in")}, "buckets.b0: /root/in is below /root"),
        ({"tables": {"t": Table("t", Path("/tmp/t.db"), "t")}}, "tables.t: /tmp is below /tmp"),
        ({"console": Listen("unix", path=Path("/run/user/1000/c.sock"))}, "listen.console: /run/user/1000 is below /run/user"),
        ({"functions": {"f": Function("f", Path("/home/a/f.zip"), "a.b", layers=())}}, "functions.f.code: /home/a/f.zip is below /home"),
        ({"functions": {"f": Function("f", Path("/srv/f"), "a.b", layers=(Path("/home/l"),))}}, "functions.f.layers: /home/l is below"),
        ({"functions": {"f": Function("f", Path("/srv/f"), "", command=("/home/x",))}}, "functions.f.command: /home/x is below"),
        ({"functions": {"f": Function("f", Path("/srv/f"), "a.b", python=Path("/root/py"))}}, "functions.f.runtime: /root/py is below"),
    ],
)
def test_what_the_service_would_not_see_is_named(changes: Mapping[str, object], what: str) -> None:
    found = refusals(needed(config(**changes)), {})
    assert len(found) == 1
    assert found[0].startswith(what)
    assert ": move it" in found[0]


def test_a_program_at_home_is_named_with_all_its_parts() -> None:
    of = needs(CONFIG, ("/opt/router",), [Path("/opt/router"), Path("/root/.pyenv/3.11"), Path("/home/a/router")])
    assert [told.partition(" is below")[0] for told in refusals(of, {})] == [
        "the program: /root/.pyenv/3.11",
        "the program: /home/a/router",
    ]


def test_a_symlink_out_of_home_and_one_into_it_are_both_hidden() -> None:
    for path, real in (("/home/a/in", "/data/in"), ("/srv/in", "/home/a/in")):
        of = Needs((PROGRAM,), (Place("b", Path(path), "data", Path(real)),), CONFIG.file)
        assert "/home/a/in is below /home" in refusals(of, {})[0]


@pytest.mark.parametrize(
    ("overrides", "hidden"),
    [
        ({}, 2),
        ({"ProtectHome": ["tmpfs"]}, 2),
        ({"ProtectHome": ["tmpfs"], "BindPaths": ["/home/alice/inbox:/home/alice/inbox:rbind"]}, 1),
        ({"ProtectHome": ["yes", "no"]}, 1),
        ({"ProtectHome": ["no"], "PrivateTmp": ["no"]}, 0),
        ({"BindPaths": ["-/home/alice /tmp"]}, 0),
        ({"BindReadOnlyPaths": ["/tmp/in", '"/home/alice/in"']}, 1),
    ],
)
def test_what_the_operators_drop_ins_show_is_not_hidden(overrides: Mapping[str, list[str]], hidden: int) -> None:
    assert len(refusals(needed(config(buckets=buckets("/home/alice/inbox", "/tmp/in"))), overrides)) == hidden


def test_how_to_show_it_is_said() -> None:
    told = refusals(needed(config(buckets=buckets("/home/al ice/in"))), {})[0]
    assert told.endswith(f'ProtectHome=tmpfs and BindPaths="/home/al ice/in" in the section [Service] of {OVERRIDES}/show.conf')


def test_paths_that_no_unit_can_name_are_refused() -> None:
    found = refusals(needed(config(buckets=buckets("/data/a\nb")), "/opt/it's/router"), {})
    assert found == [
        "buckets.b0: '/data/a\\nb' has a control character, which a unit cannot name; rename it",
        'the program: "/opt/it\'s/router": has a quote or a backslash, which a unit cannot name; install it elsewhere',
    ]
