"""Bytes become requests one at a time, however they arrive."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.web.heads import Head
from router.web.incoming import Incoming
from router.web.limits import Limits
from router.web.refused import Refused

LIMITS = Limits(body_bytes=1000)
GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n"
BODIES = {"/a": b"", "/b": b"hello", "/c": b"helloyou"}


class Owner:
    """Knows one Host, and what room there is; remembers what was asked."""

    def __init__(self, room: int = 1000) -> None:
        self.asked: list[Head] = []
        self._room = room

    def check(self, host: str) -> None:
        if host != "a":
            raise Refused(421, "not served")

    def room(self, head: Head) -> int:
        self.asked.append(head)
        return self._room


def incoming(room: int = 1000) -> tuple[Incoming, Owner]:
    owner = Owner(room)
    return Incoming(LIMITS, owner.check, owner.room), owner


@given(
    requests=st.lists(st.sampled_from([GET, POST, CHUNKED, b"\r\n" + GET, b"\r\n\r\n" + POST]), max_size=5),
    cuts=st.lists(st.integers(0, 1000), max_size=15),
)
def test_every_request_comes_out_once_and_whole(requests: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(requests)
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    made, _ = incoming()
    found = []
    for start, end in pairwise(edges):
        request = made.feed(wire[start:end])
        while request is not None:
            found.append(request)
            request = made.next()
    assert [head.target for head, _ in found] == [raw.lstrip(b"\r\n").split()[1].decode() for raw in requests]
    assert all(body == BODIES[head.target] for head, body in found)
    assert made.empty()
    assert made.size == 0


def test_what_comes_early_waits() -> None:
    made, _ = incoming()
    assert made.feed(GET + POST[:10]) is not None
    assert made.hold(POST[10:]) == len(POST)
    assert not made.empty()
    found = made.next()
    assert found is not None
    assert found[1] == b"hello"
    assert made.next() is None


def test_a_start_is_told_from_nothing() -> None:
    made, _ = incoming()
    assert made.feed(b"\r") is None
    assert not made.begun
    assert made.feed(b"\n") is None
    assert (made.begun, made.empty()) == (False, True)
    assert made.feed(b"G") is None
    assert made.begun


def test_a_body_that_is_still_to_come_needs_room() -> None:
    made, owner = incoming(room=4)
    assert made.feed(POST) is not None  # it is here: there is nothing to make room for
    assert not owner.asked
    with pytest.raises(Refused) as caught:
        made.feed(POST[:-5])
    assert (caught.value.status, len(owner.asked)) == (413, 1)
    made.clear()
    with pytest.raises(Refused) as caught:
        made.feed(CHUNKED)
    assert caught.value.status == 413


@pytest.mark.parametrize(("tail", "ahead", "received"), [(b"", False, 0), (b"he", True, 2)])
def test_how_far_a_body_is(tail: bytes, ahead: bool, received: int) -> None:
    made, _ = incoming()
    assert made.feed(POST[:-5] + tail) is None
    assert made.head is not None
    assert (made.head.target, made.ahead, made.received) == ("/b", ahead, received)
    made.clear()
    assert made.empty()


def test_a_body_over_the_limit_is_413_whether_it_is_here_or_not() -> None:
    large = POST.replace(b": 5", b": 1001")[:-5]
    for data in (large, large + bytes(1001)):
        made, _ = incoming()
        with pytest.raises(Refused) as caught:
            made.feed(data)
        assert caught.value.status == 413


def test_a_host_that_is_not_served() -> None:
    for data in (GET, b"\r\n" + GET):
        made, _ = incoming()
        with pytest.raises(Refused) as caught:
            made.feed(data.replace(b"Host: a", b"Host: b"))
        assert caught.value.status == 421


@pytest.mark.parametrize("wire", [POST, CHUNKED])
@given(cuts=st.lists(st.integers(0, 200), max_size=20))
def test_a_body_may_be_taken_before_its_end(wire: bytes, cuts: list[int]) -> None:
    reader, _ = incoming()
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    taken, found = b"", None
    for start, end in pairwise(edges):
        found = reader.feed(wire[start:end])
        taken += reader.take() if found is None else found[1]
    assert found is not None
    assert (found[0].target, taken, reader.empty()) == (wire.split()[1].decode(), BODIES[wire.split()[1].decode()], True)


def test_what_was_taken_counts_against_the_room() -> None:
    reader, _ = incoming(room=8)
    head = b"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert reader.feed(head + b"5\r\nhello\r\n") is None
    assert reader.take() == b"hello"
    with pytest.raises(Refused):
        reader.feed(b"4\r\nyous\r\n")


def test_trailers_are_kept_for_who_wants_them() -> None:
    reader, _ = incoming()
    assert reader.feed(CHUNKED[:-2] + b"X-One: 1\r\ntwo:\t2 \r\n\r\n") is not None
    assert list(reader.trailers) == [("x-one", "1"), ("two", "2")]
    assert reader.feed(CHUNKED) is not None
    assert list(reader.trailers) == []


@pytest.mark.parametrize("wire", [POST, CHUNKED])
@given(cuts=st.lists(st.integers(0, 200), max_size=20), behind=st.sampled_from([b"", GET, POST]))
def test_a_streamed_body_is_given_out_as_it_arrives_and_what_is_behind_it_waits(wire: bytes, cuts: list[int], behind: bytes) -> None:
    owner = Owner()
    reader = Incoming(LIMITS, owner.check, owner.room, lambda _: True)
    sent, body, found = wire + behind, b"", None
    edges = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        piece = sent[start:end]
        if found is None:
            found = reader.feed(piece)
            body += found[1] if found is not None else b""
            body += reader.more() if reader.streaming else b""
        elif reader.streaming:
            body += reader.more(piece)
        else:
            reader.hold(piece)
    assert found is not None
    assert (found[0].target, body, reader.streaming) == (wire.split()[1].decode(), BODIES[wire.split()[1].decode()], False)
    assert reader.size == len(behind)
    assert not owner.asked  # of a streamed body nothing is kept: no room is needed


def test_the_owner_says_which_bodies_are_streamed() -> None:
    owner = Owner()
    reader = Incoming(LIMITS, owner.check, owner.room, lambda head: head.method == "PUT")
    assert reader.feed(POST[:-1]) is None
    assert not reader.streaming
    reader.clear()
    assert reader.feed(CHUNKED[:-1]) is not None
    assert reader.streaming
