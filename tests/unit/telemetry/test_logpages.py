"""Pages of log events over any streams: nothing is lost, nothing is told twice."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from router.telemetry import logpages
from router.telemetry.logfiles import encoded, segment
from router.telemetry.logpages import END, Span, Spot, Stream, placed, streams
from router.telemetry.logsearch import Mark, search

written = st.dictionaries(  # stream → its segments → times of their events
    st.sampled_from(["a", "b", "2026/01/02/[1]c", "2026/01/02/d"]),
    st.lists(st.lists(st.integers(0, 30), max_size=6), min_size=1, max_size=3),
    max_size=4,
)


def write(group: Path, name: str, parts: list[list[int]], *, torn: bool = False) -> Stream:
    """A stream on disk; each message is unlike all others."""
    stream = placed(group, name)
    stream.folder.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(parts):
        lines = [encoded(at / 1000, f"{name} {number} {index}") for index, at in enumerate(part)]
        (stream.folder / segment(name, number)).write_bytes(
            b"".join(lines) + (b'{"t":5,"m":"to' if torn and number == len(parts) - 1 else b"")
        )
    return stream


@settings(max_examples=60, deadline=None)
@given(written, st.integers(1, 7), st.integers(0, 15), st.integers(0, 40), st.booleans())
def test_a_search_tells_each_event_once_page_by_page(
    parts: dict[str, list[list[int]]], limit: int, since: int, until: int, torn: bool
) -> None:
    with TemporaryDirectory() as place:
        group = Path(place)
        for name, segments in parts.items():
            write(group, name, segments, torn=torn)
        wanted = [
            f"{name} {number} {index}"
            for name, segments in parts.items()
            for number, part in enumerate(segments)
            for index, at in enumerate(part)
            if since <= at <= until
        ]
        told: list[str] = []
        mark: Mark | None = None
        for _ in range(200):
            found = streams(group, list(parts))
            hits = search(found, Span(since, until), mark, lambda _: True, limit)
            told += [event.message for event in hits.events]
            assert len(hits.events) <= limit
            mark = hits.mark
            if mark is None:
                break
        assert sorted(told) == sorted(wanted)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), max_size=8), min_size=1, max_size=3), st.integers(1, 5), st.booleans())
def test_a_stream_is_the_same_either_way(parts: list[list[int]], limit: int, torn: bool) -> None:
    with TemporaryDirectory() as place:
        stream = write(Path(place), "s", parts, torn=torn)
        wanted = [f"s {number} {index}" for number, part in enumerate(parts) for index in range(len(part))]
        there: list[str] = []
        spot = Spot()
        while (page := stream.forwards(spot, Span(), limit)).events:
            there += [event.message for event in page.events]
            spot = page.behind
        back: list[str] = []
        spot = END
        while (page := stream.backwards(spot, Span(), limit)).events:
            back = [event.message for event in page.events] + back
            spot = page.before
        assert there == back == wanted
        times = [at for part in parts for at in part]
        if parts[-1]:
            assert stream.times() == (times[0], times[-1])


def test_a_long_last_line_is_found(tmp_path: Path) -> None:
    stream = write(tmp_path, "s", [[1]])
    with (stream.folder / segment("s", 0)).open("ab") as file:
        file.write(encoded(0.009, "x" * 300_000) + json.dumps({"t": 10}).encode())
    assert stream.times() == (1, 9)
    assert [len(event.message) for event in stream.backwards(END, Span(), 1).events] == [300_000]


def test_groups_on_disk_are_named(tmp_path: Path) -> None:
    for place in ("aws/lambda/resize", "groups/own%2Fgroup", "groups/~0123"):
        (tmp_path / place).mkdir(parents=True)
    assert logpages.groups(tmp_path) == ["/aws/lambda/resize", "own/group"]
    assert logpages.groups(tmp_path / "none") == []
