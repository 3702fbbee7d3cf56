"""What the next config takes over of the one before, and what it reads again."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.fragments import Fragment, Merged
from router.config.load import load
from router.config.readings import Kept, Readings
from router.config.references import References
from router.config.tree import Form, Scalar, Value
from router.config.types import Config
from router.errors import ConfigError
from tests.unit.config.conftest import TRIGGERS, Place

TEXT = """\
version: 1
buckets: {uploads: ./in}
queues: {jobs: {}, lost: {}}
topics: {news: {subscriptions: {all: {queue: jobs}}}}
functions:
  f: {code: ./code, handler: app.handler, environment: {TOKEN: "${file:./token}"}, triggers: [{knock: front}]}
  g: {code: ./more, handler: app.handler, on_failure: {queue: lost}, triggers: [{s3: uploads}]}
"""


@pytest.fixture
def now(place: Place) -> Config:
    for name in ("more", "state/api"):
        (place.root / name).mkdir(parents=True)
        (place.root / name / "app.py").touch()
    (place.root / "token").write_text("first-token")
    place.file.write_text(TEXT)
    return read(place)


def read(place: Place, *fragments: Fragment, former: Config | None = None) -> Config:
    text = former.text if former is not None else None
    return load(place.file, TRIGGERS, environ={}, declared=lambda _: fragments, text=text, former=former)


def one(kind: str, name: str, value: object, number: int = 1) -> Fragment:
    return Fragment(kind, name, value, number=number)


def test_what_nobody_changed_is_the_very_same(place: Place, now: Config) -> None:
    then = read(place, one("queues", "more", {}), former=now)
    assert then == read(place, one("queues", "more", {}))
    assert then.functions is now.functions
    assert then.topics is now.topics
    assert then.queues["jobs"] is now.queues["jobs"]
    assert then.queues.keys() == {"jobs", "lost", "more"}
    back = read(place, former=then)
    assert back == now
    assert back.functions is now.functions


def test_who_refers_to_what_has_changed_is_read_again(place: Place, now: Config) -> None:
    before = read(place, one("queues", "more", {}), one("topics", "t", {"subscriptions": {"s": {"queue": "more"}}}, 2), former=now)
    fragments = one("queues", "more", {"delay": 3}), before.declared[1]
    then = read(place, *fragments, former=before)
    assert then.topics["t"] == before.topics["t"]
    assert then.topics["t"] is not before.topics["t"]
    assert then.topics["news"] is before.topics["news"]
    with pytest.raises(ConfigError) as caught:
        read(place, fragments[1], former=then)
    assert caught.value.problems == ("declared:topics.t.subscriptions.s.queue: no queue has the name more",)


def test_a_trigger_has_one_function_read_again(place: Place, now: Config) -> None:
    trigger = one("triggers", "a", {"function": "g", "trigger": {"knock": "back"}})
    then = read(place, trigger, former=now)
    assert [type(each).__name__ for each in then.functions["g"].triggers] == ["Drop", "Knock"]
    assert then.functions["f"] is now.functions["f"]
    again = read(place, trigger, one("queues", "more", {}, 2), former=then)
    assert again.functions is then.functions, "what was joined of the same parts is the same"
    assert read(place, former=again).functions["g"] == now.functions["g"], "the file's own tree has none of it"


def test_what_was_claimed_is_claimed_though_nothing_is_read(place: Place, now: Config) -> None:
    function = {"code": "api", "handler": "app.handler", "triggers": [{"knock": "front"}]}
    with pytest.raises(ConfigError) as caught:
        read(place, one("functions", "a", function), former=now)
    assert "door front is taken already by functions.f.triggers[0].knock" in caught.value.problems[0]
    first = read(
        place, one("functions", "a", {**function, "triggers": []}), one("functions", "b", {**function, "triggers": [{"knock": "x"}]}, 2)
    )
    changed = one("functions", "a", {**function, "triggers": [{"knock": "x"}]}), first.declared[1]
    with pytest.raises(ConfigError) as caught:
        read(place, *changed, former=first)
    assert caught.value.problems[0].startswith("declared:functions.b.triggers[0].knock: door x is taken already by functions.a"), (
        "the later"
    )


def test_files_are_looked_at_again_by_a_whole_reading_only(place: Place, now: Config) -> None:
    (place.root / "token").write_text("second-token")
    (place.root / "more/app.py").unlink()
    then = read(place, one("queues", "more", {}), former=now)
    assert then.functions["f"].environment == {"TOKEN": "first-token"}
    assert then.secrets == now.secrets == {"first-token"}
    with pytest.raises(ConfigError, match=r"functions\.g\.handler"):
        read(place, one("queues", "more", {}))


def test_another_text_or_state_directory_takes_nothing_over(place: Place, now: Config) -> None:
    (place.root / "token").write_text("second-token")
    text = TEXT + "drain: 3\n"
    assert load(place.file, TRIGGERS, environ={}, text=text, former=now).functions["f"].environment == {"TOKEN": "second-token"}
    text = TEXT + "state: ${file:./where}\n"
    (place.root / "where").write_text("./state")
    first = load(place.file, TRIGGERS, environ={}, text=text)
    (place.root / "where").write_text("./elsewhere")
    (place.root / "token").write_text("third-token")
    then = load(place.file, TRIGGERS, environ={}, text=text, former=first)
    assert then.functions["f"].environment == {"TOKEN": "third-token"}
    assert then.state == place.root / "elsewhere"


def test_what_is_refused_leaves_the_config_it_came_from_as_it_was(place: Place, now: Config) -> None:
    for wrong in (one("queues", "more", {"delay": "long"}), one("triggers", "a", {"function": "f", "trigger": {"knock": "front"}})):
        with pytest.raises(ConfigError):
            read(place, wrong, former=now)
        assert read(place, former=now) == now
        assert read(place, former=now).functions is now.functions


@given(before=st.lists(st.sampled_from("abc"), unique=True), after=st.lists(st.sampled_from("abc"), unique=True), again=st.booleans())
def test_a_reading_is_taken_over_while_it_would_find_the_same(before: Sequence[str], after: Sequence[str], again: bool) -> None:
    """One entry looks up a name, another goes through all of a section, a third looks at nothing."""
    kept = _kept()
    shared = {name: object() for name in "abc"}
    entries = {name: shared[name] for name in before}
    first = Readings(kept)
    _read(first, entries)
    then = {name: shared[name] for name in after} if again else entries
    read = _read(Readings(_kept(), kept), then)
    assert ("looks" in read) is (("a" in then) is not ("a" in entries))
    assert ("lists" in read) is (then is not entries)
    assert "blind" not in read


def _kept() -> Kept:
    root: Value = Form(1, 1)
    return Kept("", root, Path(), Merged(root))


VALUES: dict[str, tuple[Scalar, Value]] = {
    name: (Scalar(1, 1, name, plain=True), Scalar(1, 1, "", plain=True)) for name in ("looks", "lists", "blind")
}


def _read(readings: Readings, entries: dict[str, object]) -> list[str]:
    """Which of the three were read."""
    around, read = readings.around("around", entries), list[str]()

    def entry(name: str) -> object:
        read.append(name)
        return {"looks": lambda: around.get("a"), "lists": lambda: list(around), "blind": lambda: None}[name]()

    readings.section("section", VALUES, entry, References({}, Path()))
    return read
