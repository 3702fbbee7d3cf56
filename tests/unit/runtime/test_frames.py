"""Frames over a stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model import RESPONSE_LIMIT
from router.runtime import frames
from router.runtime.frames import Decoder, Frame, FrameError, encode

FRAMES = st.builds(
    Frame, st.integers(frames.INVOKE, frames.FATAL), st.binary(max_size=200), st.binary(max_size=3000), st.integers(0, 2**32 - 1)
)


@given(sent=st.lists(FRAMES, max_size=5), cuts=st.lists(st.integers(1, 50), max_size=200))
def test_frames_survive_any_cutting_of_the_stream(sent: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(b"".join(encode(*frame)) for frame in sent)
    decoder, got = Decoder(10_000), []
    for size in cuts:
        chunk, stream = stream[:size], stream[size:]
        got += decoder.feed(chunk)
    got += decoder.feed(stream)
    assert got == sent


def test_a_large_body_is_not_copied() -> None:
    body = bytes(6 * 1024 * 1024)
    assert encode(frames.RESULT, b"", body)[1] is body


@given(noise=st.binary(min_size=frames.HEADER_SIZE, max_size=100))
def test_noise_never_makes_the_reader_wait_for_more_than_the_limits(noise: bytes) -> None:
    try:
        for frame in Decoder(1000).feed(noise):
            assert len(frame.body) <= 1000
    except FrameError:
        pass


def test_a_body_over_the_limit_is_refused_before_it_arrives() -> None:
    head = encode(frames.RESULT, b"", bytes(2000))[0][: frames.HEADER_SIZE]
    with pytest.raises(FrameError, match="2000 bytes of body"):
        Decoder(1999).feed(head)


def test_the_worker_and_the_daemon_agree_on_the_limit() -> None:
    assert frames.RESPONSE_LIMIT == RESPONSE_LIMIT


@given(meta=st.binary(max_size=50), body=st.binary(max_size=50), rest=st.binary(max_size=50), cut=st.integers(0, 200))
def test_the_first_frame_leaves_what_follows_as_it_is(meta: bytes, body: bytes, rest: bytes, cut: int) -> None:
    wire = b"".join(frames.encode(frames.READY, meta, body, 7))
    assert frames.first(wire + rest) == (frames.Frame(frames.READY, meta, body, 7), rest)
    assert frames.first(wire[: cut % len(wire)]) is None
