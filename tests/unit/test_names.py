"""Ids are drawn ahead and none twice, whoever draws; times are spelled as AWS spells them."""

import os
import re
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import names

NOW = 1_790_000_000.0
FORMS = [
    (names.request_id, r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    (names.gateway_id, r"[A-Za-z0-9_-]{15}="),
    (names.chance, r"[0-9a-f]{24}"),
    (names.span, r"[0-9a-f]{16}"),
]


@pytest.mark.parametrize(("draw", "form"), FORMS)
def test_ids_have_their_form_and_come_once(draw: Callable[[], str], form: str) -> None:
    drawn = [draw() for _ in range(3000)]
    assert all(re.fullmatch(form, one) for one in drawn)
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize(("draw", "fixed"), [(names.chance, 0), (names.span, 0), (lambda: names.request_id()[14:], 1)])
def test_all_digits_of_an_id_are_drawn(draw: Callable[[], str], fixed: int) -> None:
    places = [set(place) for place in zip(*(draw() for _ in range(2000)), strict=True)]
    assert [place for place in places if len(place) == 1] == [{"4"}] * fixed + [{"-"}] * (fixed * 2)
    assert all(place in (set("0123456789abcdef"), set("89ab")) for place in places if len(place) > 1)


def test_a_gateways_id_is_eleven_bytes_in_base64() -> None:
    drawn = [names.gateway_id() for _ in range(2000)]
    read = [urlsafe_b64decode(one) for one in drawn]
    assert {len(one) for one in read} == {11}
    assert [urlsafe_b64encode(one).decode() for one in read] == drawn  # no bit of the last letter is without a meaning, as in AWS's
    assert all(len(set(place)) > 200 for place in zip(*read, strict=True))  # of 256 letters, in 2,000 draws


@pytest.mark.parametrize(("draw", "form"), FORMS)
def test_threads_draw_nothing_twice(draw: Callable[[], str], form: str) -> None:
    drawn: list[str] = []
    begin = threading.Barrier(4)

    def run() -> None:
        begin.wait()
        drawn.extend([draw() for _ in range(5000)])

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(drawn)) == len(drawn) == 20_000
    assert re.fullmatch(form, drawn[-1])


def test_a_forked_process_draws_others() -> None:
    names.chance()  # there is a stock to inherit
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, names.chance().encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as told:
        theirs = told.read().decode()
    os.waitpid(child, 0)
    assert len(theirs) == 24
    assert theirs not in {names.chance() for _ in range(600)}


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_is_told_to_the_millisecond(ms: int) -> None:
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    assert names.iso_of_ms(ms) == f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
    assert names.iso_ms((ms + 0.5) / 1000) == names.iso_of_ms(ms)
    assert names.iso_s((ms + 0.5) / 1000) == f"{moment:%Y-%m-%dT%H:%M:%S}Z"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("10m", NOW - 600),
        ("1.5h", NOW - 5400),
        ("2d", NOW - 172800),
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T01:01:00+01:00", 60.0),
        ("1970-01-01 00:01", 60.0),
        ("1970-01-02", 86400.0),
    ],
)
def test_a_moment_is_an_age_or_a_time(text: str, at: float) -> None:
    assert names.moment(text, NOW) == at


@pytest.mark.parametrize("text", ["", "m", "ten minutes", "10", "1.2.3m", "²m", "2026-13-01", "-5m", "10x"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither an age such as 10m"):
        names.moment(text, NOW)
