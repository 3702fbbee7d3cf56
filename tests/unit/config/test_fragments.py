"""What the API declared, read with config.yaml as if it stood there."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.fragments import PLACES, BadFragment, Fragment, checked, merge, tree
from router.config.load import load
from router.config.node import Document, Node
from router.config.problems import Problems
from router.config.references import References
from router.config.tree import Form, parse
from router.config.types import Config
from router.errors import ConfigError
from tests.unit.config.conftest import BASE, TRIGGERS, Place

QUEUES = "queues: {jobs: {}}\n"


def load_with(place: Place, text: str, *fragments: Fragment) -> Config:
    place.file.write_text(text)
    return load(place.file, TRIGGERS, environ={"SECRET": "s3cr3t"}, declared=lambda _: fragments)


def mistakes(place: Place, text: str, *fragments: Fragment) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_with(place, text, *fragments)
    return caught.value.problems


def test_a_section_that_is_there_gets_one_more_and_one_that_is_not_is_made(place: Place) -> None:
    code = place.root / "state/uploads"
    code.mkdir(parents=True)
    (code / "app.py").touch()
    function = {"code": "uploads", "handler": "app.f", "memory": 256, "environment": {"A": "${env:SECRET}", "B": "$${x}"}}
    config = load_with(place, BASE, Fragment("queues", "more", {"delay": 3}, number=1), Fragment("functions", "g", function, number=2))
    assert config.queues["more"].delay == 3
    assert config.functions["g"].memory == 256
    assert config.functions["g"].code == code, "paths are relative to the state directory"
    assert config.functions["g"].environment == {"A": "${env:SECRET}", "B": "$${x}"}, "what comes through the API is no reference"
    assert config.owners["functions", "f"] == "config"
    assert config.owners["functions", "g"] == config.owners["queues", "more"] == "api"
    assert [one.name for one in config.declared] == ["more", "g"]


def test_a_bucket_made_through_the_api_has_its_place_in_the_state_directory_and_no_other_one(place: Place) -> None:
    made = load_with(place, BASE, Fragment("buckets", "made", {"path": "buckets/made"}, number=1)).buckets["made"]
    assert made.path == place.root / "state/buckets/made"
    for path in ("buckets/another", "buckets", "made", "logs"):
        assert "lies inside the state directory" in " ".join(mistakes(place, BASE, Fragment("buckets", "made", {"path": path}, number=1)))


def test_a_section_without_a_value_is_one_that_is_not_there(place: Place) -> None:
    assert load_with(place, BASE + "queues:\n", Fragment("queues", "more", {}, number=1)).queues.keys() == {"more"}


@pytest.mark.parametrize(
    ("fragment", "said"),
    [
        (Fragment("queues", "more", {"delay": "long"}), "declared:queues.more.delay: long is not a duration; "),
        (Fragment("queues", "more", {"dilay": 3}), "declared:queues.more.dilay: unknown key, did you mean delay?"),
        (Fragment("frobs", "more", {}), "declared:frobs: unknown key"),
        (Fragment("functions", "g", {"code": "x", "handler": 3.5, "memory": 1}), "declared:functions.g.memory: 1 MB is outside 128 MB to "),
        (Fragment("functions", "g", 7), "declared:functions.g: must be a mapping, this is text"),
        (
            Fragment("triggers", "t", {"function": "gone", "trigger": {"knock": "a"}}),
            "declared:triggers.t: no function has the name 'gone'",
        ),
        (Fragment("triggers", "t", {"function": "f"}), "declared:triggers.t: is {function: NAME, trigger: {WORD: …}}"),
        (Fragment("triggers", "t", 3), "declared:triggers.t: is {function: NAME, trigger: {WORD: …}}"),
        (
            Fragment("triggers", "t", {"function": "f", "trigger": {"knack": "a"}}),
            "declared:functions.f.triggers[0].knack: unknown trigger",
        ),
    ],
)
def test_a_mistake_says_which_fragment_it_is_in(place: Place, fragment: Fragment, said: str) -> None:
    assert any(problem.startswith(said) for problem in mistakes(place, BASE, fragment)), mistakes(place, BASE, fragment)


def test_what_both_declare_is_told_with_both_places(place: Place) -> None:
    assert mistakes(place, BASE + QUEUES, Fragment("queues", "jobs", {}, number=1)) == (
        "declared:queues.jobs: config.yaml:6 declares it too; take it out there, or take back what the API declared: router declared remove queues jobs",
    )


def test_a_trigger_joins_a_function_of_either_and_keeps_its_place(place: Place) -> None:
    def trigger(number: int, door: str) -> Fragment:
        return Fragment("triggers", f"t{number}", {"function": "f", "trigger": {"knock": door}}, number=number)

    config = load_with(place, BASE + "    triggers: [{knock: a}]\n", trigger(9, "c"), trigger(4, "b"))
    assert [(at, one.door) for at, one in config.functions["f"].placed()] == [(0, "a"), (PLACES + 4, "b"), (PLACES + 9, "c")]
    assert config.owners["triggers", "t4"] == "api"
    assert load_with(place, BASE, trigger(9, "c")).functions["f"].places == (PLACES + 9,)
    assert mistakes(place, BASE + "    triggers: [{knock: a}]\n", trigger(1, "a"))[0].startswith("declared:functions.f.triggers[1].knock: ")


def test_a_config_that_is_no_mapping_is_the_file_s_mistake() -> None:
    root = parse("- 1\n", Problems("config.yaml"))
    assert root is not None
    assert merge(root, [Fragment("queues", "a", {})], Path("/state"), Problems("config.yaml")).owners == {}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text("ab${}:"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab${<"), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_json_comes_back_as_it_was(value: Any) -> None:
    shared = Document(Path("/"), Problems("config.yaml"), References({}, Path("/")))
    assert Node(shared, Form(0, 0, {"x": (None, tree(value))})).json("x") == json.loads(json.dumps(value))  # type: ignore[dict-item]
    assert not shared.problems.count


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {1: 2}, {"a": {3}}, b"", object()])
def test_what_is_not_json_is_refused(value: Any) -> None:
    with pytest.raises(BadFragment):
        checked(value)


def test_depth_is_bounded() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(BadFragment, match="levels deep"):
        checked(value)
