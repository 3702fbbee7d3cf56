"""on_success, on_failure, dead_letter."""

import pytest

from router.config.types import Destination
from tests.unit.config.conftest import BASE, Place

QUEUES = "queues: {done: {}, line.fifo: {}}\ntopics: {news: {}, t.fifo: {}}\nbuckets: {results: ./data}\n"


def test_destinations_as_written(place: Place) -> None:
    text = BASE + "    on_success: {queue: done}\n    on_failure: {bucket: results}\n    dead_letter: {queue: done}\n" + QUEUES
    function = place.load(text).functions["f"]
    assert (function.on_success, function.on_failure) == (Destination("queue", "done"), Destination("bucket", "results"))
    assert function.dead_letter == Destination("queue", "done")
    text = BASE + "    on_success: {function: f}\n    on_failure: {bus: default}\n"
    function = place.load(text).functions["f"]
    assert (function.on_success, function.on_failure) == (Destination("function", "f"), Destination("bus", "default"))
    function = place.load(f"{BASE}    on_success: {{topic: news}}\n{QUEUES}").functions["f"]
    assert function.on_success == Destination("topic", "news")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("on_success: {queue: dnoe}", "no queue has the name dnoe, did you mean done?"),
        ("on_success: {function: g}", "no function has the name g"),
        ("on_success: {bus: other}", "no bus has the name other"),
        ("on_failure: {bucket: other}", "no bucket has the name other"),
        ("on_failure: {queue: line.fifo}", "is a FIFO queue"),
        ("on_failure: {queue: done, function: f}", "is one word and a name"),
        ("on_failure: {}", "is one word and a name"),
        ("on_failure: {topic: x}", "no topic has the name x"),
        ("on_failure: {topic: t.fifo}", "is a FIFO topic"),
        ("dead_letter: {topic: news}", "unknown key"),
        ("dead_letter: {function: f}", "unknown key"),
        ("dead_letter: {queue: line.fifo}", "is a FIFO queue"),
    ],
)
def test_mistakes(place: Place, line: str, told: str) -> None:
    mistakes = place.mistakes(f"{BASE}    {line}\n{QUEUES}")
    assert any(told in mistake for mistake in mistakes), mistakes
