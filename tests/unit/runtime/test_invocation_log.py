"""The tail of an invocation's log."""

from hypothesis import given
from hypothesis import strategies as st

from router.model import Outcome
from router.runtime.invocation_log import TAIL, InvocationLog
from tests.helpers.logs import MemoryStream

EVENTS = st.lists(st.text(max_size=30) | st.integers(1, 3 * TAIL).map(lambda size: "é" * size), max_size=12)


@given(before=EVENTS, events=EVENTS)
def test_the_tail_is_the_last_bytes_of_this_invocation(before: list[str], events: list[str]) -> None:
    stream = MemoryStream("f")
    log = InvocationLog(stream, lambda: 1.0)
    for event in before:
        log.write(event)
    log.begin()
    log.write("START")
    for event in events:
        log.write(event)
    whole = "".join(event + "\n" for event in ("START", *events)).encode("utf-8", "replace")
    assert Outcome(b"", log=log.tail()).log_tail == whole[-TAIL:]
    assert stream.messages == [*before, "START", *events]


def test_it_remembers_no_more_than_it_needs() -> None:
    log = InvocationLog(MemoryStream("f"), lambda: 1.0)
    for _ in range(10_000):
        log.write("x" * 100)
    assert len(log._tail) < 50
