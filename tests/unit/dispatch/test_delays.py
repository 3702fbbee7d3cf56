"""What could not be handed over is said now and then, and all of it counted."""

from structlog.testing import capture_logs

from router.dispatch.delays import EVERY, Delays
from tests.helpers.clock import VirtualClock


async def test_the_first_is_said_at_once_and_the_rest_counted() -> None:
    clock = VirtualClock()
    delays = Delays(clock)
    with capture_logs() as said:
        delays.tell()
        delays.add("bucket", "b", "not there", 1)
        delays.tell()
        for tries in (2, 5, 3):
            delays.add("bucket", "b", "gone", tries)
            delays.tell()
        delays.add("topic", "t", "no topic", 1)
        delays.tell()
        await clock.advance(EVERY)
        delays.tell()
        await clock.advance(EVERY)
        delays.tell()
    assert [(line["target"], line["count"], line["tries"], line["error"]) for line in said] == [
        ("b", 1, 1, "not there"),
        ("t", 1, 1, "no topic"),
        ("b", 3, 5, "gone"),
    ]


async def test_when_nothing_waits_any_more_the_next_is_a_first_again() -> None:
    delays = Delays(VirtualClock())
    with capture_logs() as said:
        for error in ("one", "two"):
            delays.add("bus", "b", error, 1)
            delays.tell()
            delays.clear()
    assert [line["error"] for line in said] == ["one", "two"]
