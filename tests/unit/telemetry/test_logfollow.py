"""Streams that are followed from marks: every line once, over segments, ends that were lost and streams that were made anew."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.telemetry import logfollow
from router.telemetry.logfiles import decoded, encoded, segment
from router.telemetry.logfollow import Mark, Read
from router.telemetry.logpages import Stream
from router.telemetry.logwriter import SEGMENT

NAME = "2026/11/29/[$LATEST]00"


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    return Stream(tmp_path, NAME)


def add(stream: Stream, number: int, *messages: str, torn: str = "") -> None:
    with (stream.folder / segment(NAME, number)).open("ab") as file:
        file.write(b"".join(encoded(1.0, message) for message in messages) + torn.encode())


def said(read: Read) -> list[str]:
    return [found[1] for _, line in read.lines if (found := decoded(line)) is not None]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=12), st.integers(1, 200))
def test_every_line_is_read_once_however_it_grows(steps: list[tuple[bool, int]], most: int) -> None:
    """Each step adds lines, in a new segment or in the last one, and reads a piece."""
    with TemporaryDirectory() as place:
        stream, mark, number = Stream(Path(place), NAME), Mark(), 0
        written: list[str] = []
        told: list[str] = []
        for fresh, count in steps:
            number += fresh and (stream.folder / segment(NAME, number)).exists()
            more = [f"{len(written) + index}" for index in range(count)]
            if more:
                add(stream, number, *more)
            written += more
            read = logfollow.read(stream, mark, most)
            told, mark = told + said(read), read.mark
            assert not read.gap
        while lines := said(read := logfollow.read(stream, mark, most)):
            told, mark = told + lines, read.mark
        assert told == written


def test_a_line_without_its_end_waits_for_it(stream: Stream) -> None:
    add(stream, 0, "a", torn='{"t":1,"m":"b')
    first = logfollow.read(stream, Mark(), 1000)
    assert said(first) == ["a"]
    add(stream, 0, torn='"}\n')
    assert said(logfollow.read(stream, first.mark, 1000)) == ["b"]


def test_nothing_new_leaves_the_mark(stream: Stream) -> None:
    assert logfollow.read(stream, Mark(), 1000) == Read([], Mark())
    add(stream, 0, "a")
    mark = logfollow.read(stream, Mark(), 1000).mark
    assert logfollow.read(stream, mark, 1000) == Read([], mark)


def test_behind_all_that_is_there_only_what_comes_is_read(stream: Stream) -> None:
    add(stream, 0, "a")
    add(stream, 1, "b", torn='{"t"')
    mark = logfollow.end(stream)
    assert said(logfollow.read(stream, mark, 1000)) == []
    add(stream, 1, torn=':1,"m":"c"}\n')
    assert said(logfollow.read(stream, mark, 1000)) == ["c"]


def test_a_stream_that_lost_its_end_is_read_from_where_it_ends_now(stream: Stream) -> None:
    add(stream, 0, "a", "b")
    mark = logfollow.end(stream)
    file = stream.folder / segment(NAME, 0)
    with file.open("rb+") as opened:
        opened.truncate(len(encoded(1.0, "a")))  # the same file, shorter: as after a power cut
    read = logfollow.read(stream, mark, 1000)
    assert said(read) == []
    add(stream, 0, "c")
    assert said(logfollow.read(stream, read.mark, 1000)) == ["c"]


def test_a_stream_that_was_made_anew_is_read_from_its_beginning(stream: Stream) -> None:
    add(stream, 0, "a", "b")
    mark = logfollow.end(stream)
    old = stream.folder / segment(NAME, 0)
    old.rename(stream.folder / "kept")  # its inode is not given to the next one
    add(stream, 0, "c")
    assert said(logfollow.read(stream, mark, 1000)) == ["c"]


def test_a_stream_that_begins_again_with_fewer_segments_is_read_from_its_beginning(stream: Stream) -> None:
    add(stream, 3, "a")
    mark = logfollow.end(stream)
    (stream.folder / segment(NAME, 3)).unlink()
    add(stream, 0, "b")
    read = logfollow.read(stream, mark, 1000)
    assert (said(read), read.gap) == (["b"], False)


@pytest.mark.parametrize(("next_", "offset", "gap"), [(1, SEGMENT, False), (1, 40, True), (2, SEGMENT, True)])
def test_what_was_rotated_away_unread_is_told(stream: Stream, next_: int, offset: int, gap: bool) -> None:
    add(stream, next_, "later")
    read = logfollow.read(stream, Mark(7, 0, offset), 1000)
    assert (said(read), read.gap) == (["later"], gap)
