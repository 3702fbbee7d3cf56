"""Chunked bodies, however they arrive."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.web.chunks import Chunks
from router.web.refused import Refused


def unchunked(wire: bytes, cuts: list[int], limit: int = 10_000) -> tuple[bytes | None, bytes]:
    """The body and what is left behind it, fed in the pieces that *cuts* make of *wire*."""
    chunks, buffer = Chunks(limit, 8192), bytearray()
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    complete = False
    for start, end in pairwise(edges):
        buffer += wire[start:end]
        complete = complete or chunks.feed(buffer)
    return (bytes(chunks.body) if complete else None), bytes(buffer)


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    cuts=st.lists(st.integers(0, 10_000), max_size=20),
    rest=st.binary(max_size=20),
    trailer=st.sampled_from([b"", b"X: y\r\n", b"A: b\r\nC:\r\n"]),
    upper=st.booleans(),
)
def test_chunks_give_the_body_however_they_arrive(pieces: list[bytes], cuts: list[int], rest: bytes, trailer: bytes, upper: bool) -> None:
    size = "%X\r\n" if upper else "%04x\r\n"
    wire = b"".join((size % len(piece)).encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n" + trailer + b"\r\n"
    assert unchunked(wire + rest, cuts) == (b"".join(pieces), rest)


@pytest.mark.parametrize(
    "wire",
    [
        b"3;a=b\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n",
        b"0x3\r\nabc\r\n",
        b"-1\r\n",
        b"\r\n",
        b"\n",
        b"g\r\n",
        b"3\nabc\r\n",
        b"3\r\nabcd\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc0\r\n\r\n",
        b"3\r\nabc\r\n0\r\n\n",
        b"3\r\nabc\r\n0\r\nbad trailer\r\n\r\n",
        b"3\r\nabc\r\n0\r\n folded: x\r\n\r\n",
        b"3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n",
        b"3\r\nabc\r\n0\r\nhost: other\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"0\r\nX: " + b"y" * 9000 + b"\r\n\r\n",
        b"0\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
        b"000000000003\r\nabc\r\n",
        b"1\r\na\r\n" * 20_000,
    ],
)
def test_bad_chunks_are_refused(wire: bytes) -> None:
    with pytest.raises(Refused) as caught:
        unchunked(wire, [], limit=10**6)
    assert caught.value.status == 400


@pytest.mark.parametrize("wire", [b"ffffffff\r\n", b"65\r\n", b"64\r\n" + b"a" * 100 + b"\r\n1\r\n"])
def test_too_many_chunks_are_too_large_before_they_are_read(wire: bytes) -> None:
    with pytest.raises(Refused) as caught:
        unchunked(wire, [], limit=100)
    assert caught.value.status == 413
