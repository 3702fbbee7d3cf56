"""Who is let in: so many at once, so many of one address, and what becomes of those who are one too many."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from router.telemetry.metrics import Metrics
from router.web import door
from router.web.door import SILENCE, TURNED_AWAY, Door
from router.web.limits import Limits


class Client:
    """A connection, as far as a door looks at it."""

    def __init__(self, peer: str = "192.0.2.1") -> None:
        self.peer, self.aborted = peer, False

    def abort(self) -> None:
        self.aborted = True


class Rig:
    """A door and its time."""

    def __init__(self, **limits: Any) -> None:
        self.now = 0.0
        self.door = Door("http", Limits(**limits), lambda: self.now, Metrics())

    def come(self, peer: str = "192.0.2.1", under_way: int = 0) -> tuple[Client, str]:
        client = Client(peer)
        return client, self.door.admit(client, under_way)  # type: ignore[arg-type]

    def go(self, client: Client) -> None:
        self.door.forget(client)  # type: ignore[arg-type]


def test_one_address_has_so_many_and_others_have_theirs() -> None:
    rig = Rig(per_address=2, per_local=3)
    first, _ = rig.come()
    assert rig.come()[1] == ""
    late, reason = rig.come()
    assert reason == "over 2 connections of one address"
    assert rig.come("192.0.2.2")[1] == ""
    rig.go(late)  # who was not in makes no room
    assert rig.come()[1] != ""
    rig.go(first)
    assert rig.come()[1] == ""


@pytest.mark.parametrize("local", ["127.0.0.1", "::1"])
def test_a_proxy_of_ours_has_more(local: str) -> None:
    rig = Rig(per_address=2, per_local=3)
    assert [rig.come(local)[1] for _ in range(4)] == ["", "", "", "over 3 connections of one address"]


def test_a_unix_socket_has_no_address_to_count() -> None:
    rig = Rig(per_address=1, per_local=1)
    assert [rig.come("")[1] for _ in range(3)] == ["", "", ""]


def test_all_together_are_so_many() -> None:
    rig = Rig(connections=2)
    clients = [rig.come(f"192.0.2.{number}") for number in range(3)]
    assert [reason for _, reason in clients] == ["", "", "over 2 connections"]
    rig.go(clients[0][0])
    assert rig.come("192.0.2.9", under_way=door.LEFT * 2)[1] == "over 4 requests under way"
    assert rig.come("192.0.2.9", under_way=door.LEFT * 2 - 1)[1] == ""


def test_addresses_are_those_that_are_in() -> None:
    rig = Rig(per_address=1)
    (first, _), (second, _) = rig.come("192.0.2.1"), rig.come("192.0.2.2")
    away, _ = rig.come("192.0.2.1")
    assert rig.door.addresses == {"192.0.2.1", "192.0.2.2"}
    assert set(rig.door.everybody()) == {first, second, away}
    rig.go(away)
    rig.go(first)
    assert rig.door.addresses == {"192.0.2.2"}
    assert rig.door.everybody() == [second]


def test_who_is_turned_away_is_told_while_not_too_many_are_and_the_operator_once_a_minute() -> None:
    rig = Rig(connections=0)
    with capture_logs() as said:
        clients = [rig.come(f"192.0.2.{number}")[0] for number in range(TURNED_AWAY + 2)]
        rig.now = SILENCE
        rig.come("203.0.113.1")
    assert [client.aborted for client in clients] == [False] * TURNED_AWAY + [True, True]
    assert [line["peer"] for line in said] == ["192.0.2.0", "203.0.113.1"]
