"""Twenty refusals at once, twenty a minute, for each source; and a table that strangers cannot fill."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.webhook_limit import BURST, SOURCES, Buckets, network, source_of
from tests.helpers.webhooks import request


def test_twenty_at_once_and_twenty_a_minute() -> None:
    buckets = Buckets()
    assert [buckets.refused("a", 0.0) for _ in range(21)] == [True] * 20 + [False]
    assert buckets.spent("a", 0.0)
    assert not buckets.spent("b", 0.0), "another source has its own"
    assert buckets.wait("a", 0.0) == 3
    assert buckets.spent("a", 2.9)
    assert not buckets.spent("a", 3.1)
    assert [buckets.refused("a", 3.1) for _ in range(2)] == [True, False]
    assert [buckets.refused("a", 603.1) for _ in range(21)] == [True] * 20 + [False]


@given(st.lists(st.floats(0, 600), max_size=200))
def test_no_more_than_a_burst_and_the_rate(times: list[float]) -> None:
    buckets = Buckets()
    allowed = [at for at in sorted(times) if buckets.refused("a", at)]
    for first in allowed:
        within = [at for at in allowed if first <= at <= first + 60]
        assert len(within) <= 2 * BURST
    assert len(allowed) <= BURST + 600 * BURST / 60


def test_who_waits_as_long_as_told_is_heard() -> None:
    buckets = Buckets()
    now = 0.0
    for _ in range(50):
        if not buckets.refused("a", now):
            now += buckets.wait("a", now)
            assert not buckets.spent("a", now)


def test_strangers_cannot_fill_it() -> None:
    buckets = Buckets()
    for number in range(SOURCES + 50):
        buckets.refused(f"source-{number}", 0.0)
    assert len(buckets._buckets) == SOURCES
    assert buckets.left("source-0", 0.0) == BURST, "the one refused longest ago is forgotten"
    assert buckets.left(f"source-{SOURCES + 49}", 0.0) == BURST - 1


def test_time_that_runs_backwards_takes_nothing_away() -> None:
    buckets = Buckets()
    buckets.refused("a", 100.0)
    assert buckets.left("a", 50.0) == BURST - 1


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),
        ("127.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("127.0.0.1", ["203.0.113.1, 198.51.100.9"], "198.51.100.9"),
        ("::1", ["203.0.113.1", "198.51.100.9"], "198.51.100.9"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("", [], ""),
        ("127.0.0.1", ["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::4", [], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("127.0.0.1", ["unknown"], "unknown"),
        ("127.0.0.1", ["x" * 1000], "x" * 64),
    ],
)
def test_whose_refusal_it_is(peer: str, forwarded: list[str], source: str) -> None:
    asked = request({})._replace(peer=peer, headers=[("x-forwarded-for", value) for value in forwarded])
    assert source_of(asked) == source


@given(st.text(max_size=80))
def test_any_text_is_an_address_of_some_kind(text: str) -> None:
    assert isinstance(network(text), str)
