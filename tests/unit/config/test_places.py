"""Places of what stands in config.yaml, found by its path."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.config.fragments import PLACES, Fragment
from router.config.load import load
from router.config.places import place as place_of
from router.config.places import placed
from router.config.types import Config
from tests.unit.config.conftest import TRIGGERS, Place

TEXT = """\
version: 1
buckets:
  in.box: {path: ./in}
functions:
  f:
    code: ./code
    handler: app.handler
    triggers:
      - knock: a
      - knock: {door: b}
"""


def config(place: Place, *fragments: Fragment) -> Config:
    place.file.write_text(TEXT)
    return load(place.file, TRIGGERS, environ={}, declared=lambda _: fragments)


def test_a_problem_is_told_with_the_place_of_its_path(place: Place) -> None:
    told = {
        "functions.f.handler: x": "config.yaml:7:14: functions.f.handler: x",
        "functions.f.triggers[1].knock.door: x: y": "config.yaml:10:23: functions.f.triggers[1].knock.door: x: y",
        'buckets."in.box".path: x': 'config.yaml:3:18: buckets."in.box".path: x',
        "functions.f.role: not there": "config.yaml:6:5: functions.f.role: not there",
        "functions.f.triggers[2].knock: not there": "config.yaml:9:7: functions.f.triggers[2].knock: not there",
        "functions.f.handler.x: beneath a text": "config.yaml:7:14: functions.f.handler.x: beneath a text",
        f"functions.f.triggers[{'9' * 5000}].knock: x": f"config.yaml:9:7: functions.f.triggers[{'9' * 5000}].knock: x",
    }
    found = config(place)
    assert {problem: placed(found, [problem])[0] for problem in told} == told
    several = ("functions.f.handler: b", "nowhere: x", "buckets: c", "a sentence", "functions.f.handler: a")
    assert [line.rpartition(": ")[2] for line in placed(found, several)] == ["c", "a", "b", "x", "a sentence"]


def test_what_names_nothing_that_is_there_stays_as_it_is(place: Place) -> None:
    problems = ("queues.q: x", "a sentence: x", "functions.f", "", ": x", "config.yaml:1:1: version: x")
    assert placed(config(place), problems) == problems
    assert placed(Config(place.file, place.root), ("functions.f.handler: x",)) == ("functions.f.handler: x",)


def test_what_the_api_declared_is_told_as_such(place: Place) -> None:
    g = Fragment("functions", "g", {"code": str(place.root / "code"), "handler": "app.handler"}, number=1)
    knock = Fragment("triggers", "t", {"function": "f", "trigger": {"knock": "c"}}, number=2)
    found = config(place, g, knock)
    where = f"functions.f.triggers[{PLACES + 2}].knock"
    assert placed(found, ("functions.g.handler: x", f"{where}: x")) == (f"declared:{where}: x", "declared:functions.g.handler: x")
    assert place_of(found, "functions.g.handler") == "declared through the API"
    assert place_of(found, "functions.f.handler") == "config.yaml:7:14"
    assert place_of(found, "queues.q") == ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=st.text() | st.from_regex(r"(functions|buckets)([.\[]([a-f]|\"[a-z.]*\"|[0-9]{1,9}\]|triggers))*(: .*)?"))
def test_whatever_a_problem_says_it_is_still_said(place: Place, problem: str) -> None:
    (told,) = placed(config(place), (problem,))
    assert told.endswith(problem)
