"""Addresses to listen on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.settings import loopback, parsed
from router.config.types import Listen
from tests.unit.config.conftest import Place


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("off", Listen("off")),
        ("systemd", Listen("systemd")),
        ("127.0.0.1:8080", Listen("tcp", "127.0.0.1", 8080)),
        ("0.0.0.0:0", Listen("tcp", "0.0.0.0", 0)),
        ("[::1]:8080", Listen("tcp", "::1", 8080)),
        ("[fe80::1%eth0]:80", Listen("tcp", "fe80::1%eth0", 80)),
        ("localhost:65535", Listen("tcp", "localhost", 65535)),
        ("my-host.example.org:80", Listen("tcp", "my-host.example.org", 80)),
    ],
)
def test_addresses(text: str, where: Listen) -> None:
    assert parsed(text) == where
    assert str(where) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8080",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:080",
        "127.0.0.1:x",
        "::1:8080",
        "[127.0.0.1]:80",
        "[::1]",
        "*:80",
        "256.0.0.1:80",
        "1.2.3:80",
        "-x:80",
        "a b:80",
        "http://x:80",
        "On",
        "[host]:80",
        "[]:80",
        "127.0.0.1:8080 ",
        "ho_st:1",
        "é:1",
    ],
)
def test_what_is_no_address(text: str) -> None:
    assert parsed(text) is None


@given(text=st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    where = parsed(text)
    assert where is None or str(where) == text


@pytest.mark.parametrize("text", ["off", "systemd", "127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1"])
def test_what_only_this_machine_reaches(text: str) -> None:
    where = parsed(text)
    assert where is not None
    assert loopback(where)


@pytest.mark.parametrize("text", ["0.0.0.0:1", "[::]:1", "192.168.0.1:1", "example.org:1", "[fe80::1]:1"])
def test_what_others_may_reach(text: str) -> None:
    where = parsed(text)
    assert where is not None
    assert not loopback(where)


def test_sockets_of_the_file_system(place: Place) -> None:
    config = place.load("version: 1\nlisten: {http: unix:./http.sock, console: 'unix:/run/x.sock'}\n")
    assert (str(config.http), str(config.console)) == (f"unix:{place.root}/http.sock", "unix:/run/x.sock")
    assert place.mistakes("version: 1\nlisten: {http: 'unix:'}\n") == [
        "config.yaml:2:16: listen.http: unix: needs a path, as in unix:./state/http.sock"
    ]
    assert place.mistakes(f"version: 1\nlisten: {{http: unix:/{'x' * 107}}}\n") == [
        "config.yaml:2:16: listen.http: a socket's path has 107 bytes at most, this one 108"
    ]
    assert place.mistakes("version: 1\nlisten: {http: unix:./x, console: unix:./y/../x}\n") == [
        "config.yaml:2:35: listen.console: unix:DIR/x is the http listener's address; each needs its own"
    ]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (
            "http: 0.0.0.0:8081",
            "listen.http: 127.0.0.1:8081 and 0.0.0.0:8081 are one port, which is the console listener's address, by default; each needs its own",
        ),
        (
            "http: '[::]:9', console: '[::1]:9'",
            "listen.console: [::1]:9 and [::]:9 are one port, which is the http listener's address; each needs its own",
        ),
        (
            "aws: localhost:9, console: 127.0.0.1:9",
            "listen.console: 127.0.0.1:9 and localhost:9 are one port, which is the aws listener's address; each needs its own",
        ),
        ("http: 'unix:./state/control.sock'", "listen.http: is the socket of the daemon's own commands; name another file"),
    ],
)
def test_listeners_that_would_be_in_each_others_way(place: Place, written: str, told: str) -> None:
    (problem,) = place.mistakes(f"version: 1\nlisten: {{{written}}}\n")
    assert problem.partition(": ")[2] == told


@pytest.mark.parametrize(
    "written",
    [
        "http: 0.0.0.0:9, console: '[::1]:9'",
        "http: '[::]:9', console: 127.0.0.1:9",
        "http: 0.0.0.0:0, console: 127.0.0.1:0",
        "http: 'unix:./a', aws: 'unix:./b'",
    ],
)
def test_listeners_that_are_not(place: Place, written: str) -> None:
    place.load(f"version: 1\nlisten: {{{written}}}\n")


def test_both_may_ask_for_a_free_port_or_a_socket_of_systemds(place: Place) -> None:
    assert place.load("version: 1\nlisten: {http: 127.0.0.1:0, console: 127.0.0.1:0}\n").http.port == 0
    assert place.load("version: 1\nlisten: {http: systemd, console: systemd}\n").console.kind == "systemd"
    assert place.load("version: 1\nlisten: {http: off, console: off}\n").console.kind == "off"
