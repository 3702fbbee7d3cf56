"""A function's output as bounded log events."""

from hypothesis import given
from hypothesis import strategies as st

from router.runtime.output import LINE_LIMIT, Allowance, Lines

SEPARATOR = b"\x00sep\x00"
ENDLESS = (1e12, 1e12)


def free(dropped: list[int] | None = None) -> Lines:
    return Lines(SEPARATOR, [].append if dropped is None else dropped.append, lines=ENDLESS, size=ENDLESS)


@given(
    lines=st.lists(st.text(alphabet=st.characters(exclude_characters="\n\x00", exclude_categories=("Cs",)), max_size=30)),
    cut=st.integers(1, 40),
)
def test_lines_are_events_however_the_stream_is_cut(lines: list[str], cut: int) -> None:
    stream = "".join(line + "\n" for line in lines).encode()
    reader, events = free(), []
    for at in range(0, len(stream), cut):
        events += reader.feed(stream[at : at + cut], 0)
    assert events + reader.flush() == lines


@given(data=st.binary(max_size=300))
def test_any_bytes_become_text_and_none_are_lost(data: bytes) -> None:
    dropped: list[int] = []
    reader = free(dropped)
    events = [*reader.feed(data, 0), *reader.flush()]
    assert all(isinstance(event, str) for event in events)
    assert len(events) == data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    assert not dropped


def test_a_record_of_several_lines_stays_one_event() -> None:
    assert free().feed(b"[ERROR] a" + SEPARATOR + b"b\nnext\n", 0) == ["[ERROR] a\nb", "next"]


def test_a_line_without_end_is_cut_and_says_by_how_much() -> None:
    dropped: list[int] = []
    reader = free(dropped)
    for _ in range(100):
        assert reader.feed(bytes(65536).replace(b"\0", b"x"), 0) == []
    (event,) = reader.feed(b"\n", 0)
    assert len(event) < LINE_LIMIT + 100
    assert event.endswith(f"[truncated: {100 * 65536 - LINE_LIMIT} more bytes]")
    assert sum(dropped) == 100 * 65536 - LINE_LIMIT


def test_a_long_line_within_one_chunk_is_cut_too() -> None:
    events = free().feed(b"a\n" + b"y" * (LINE_LIMIT + 5) + b"\nb\n", 0)
    assert [len(event) for event in events] == [1, LINE_LIMIT + len(" [truncated: 5 more bytes]"), 1]


def test_a_flood_of_lines_is_dropped_counted_and_told() -> None:
    dropped: list[int] = []
    reader = Lines(SEPARATOR, dropped.append, lines=(10, 5), size=ENDLESS)
    events = reader.feed(b"x\n" * 1000, 0)
    assert events == ["x"] * 10
    assert reader.feed(b"x\n" * 1000, 0) == []
    (told,) = reader.flush()
    assert told.startswith("[dropped: 1990 lines, 3980 bytes")
    assert sum(dropped) == 3980


def test_the_allowance_comes_back_with_time_and_the_loss_is_told_first() -> None:
    reader = Lines(SEPARATOR, lines=(10, 5), size=ENDLESS)
    reader.feed(b"x\n" * 12, 0)
    told, *events = reader.feed(b"y\n" * 6, 1.0)
    assert told.startswith("[dropped: 2 lines, 4 bytes")
    assert events == ["y"] * 5


def test_bytes_are_bounded_as_well() -> None:
    reader = Lines(SEPARATOR, lines=ENDLESS, size=(1000, 0))
    events = reader.feed((b"z" * 99 + b"\n") * 100, 0)
    assert 10 <= len(events) <= 12


@given(steps=st.lists(st.tuples(st.floats(0, 10), st.floats(0, 5))))
def test_an_allowance_never_exceeds_its_burst_nor_runs_backwards(steps: list[tuple[float, float]]) -> None:
    allowance, now = Allowance(3, 1), 0.0
    for pause, amount in steps:
        now += pause
        assert allowance.left(now) <= 3
        allowance.take(min(amount, max(0.0, allowance.left(now - 100))))
