"""A value read as the type that is expected, with every mistake noted and a placeholder for it."""

import json
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from router.config import values
from router.config.document import parsed
from router.config.node import Node


def top(text: str, environ: dict[str, str] | None = None) -> Node:
    return parsed(text, Path("/etc/router/config.yaml"), environ or {})[1]


def told(node: Node) -> list[str]:
    return [line.removeprefix("config.yaml:") for line in node.document.problems.lines()]


def test_a_reader_goes_on_with_a_placeholder_after_every_mistake() -> None:
    node = top("a: []\nb: x\nc: x\nd: x\ne: x\nf: x\n")
    assert (node.text("a"), node.text("none")) == ("", "")
    assert (node.text("a", "default"), node.text("none", "default")) == ("default", "default")
    assert (node.integer("b", low=3, high=9), node.integer("b", 5, low=3, high=9)) == (3, 5)
    assert (node.seconds("c", low=1, high=9), node.megabytes("f", 128, low=128, high=256)) == (1, 128)
    assert (node.boolean("d", default=True), node.choice("e", None, ("one", "two")), node.choice("e", "two", ("one", "two"))) == (
        True,
        "one",
        "two",
    )
    assert node.file("none") == Path("/etc/router")
    assert len(told(node)) == 7


def test_a_text_that_is_required_is_not_empty() -> None:
    """Elsewhere an empty one says something: a variable that is empty, a prefix of nothing."""
    node = top("a: ''\nb: ['', x]\n")
    assert node.text("a") == ""
    assert (node.text("a", "default"), node.text("a", pattern=values.ANY), node.strings("a"), node.strings("b")) == (
        "",
        "",
        ("",),
        ("", "x"),
    )
    assert told(node) == ["1:4: a: an empty text is not allowed here"]


def test_a_default_is_not_judged_by_the_limits() -> None:
    node = top("{}")
    assert node.integer("a", 99, low=1, high=10) == 99
    assert told(node) == []


def test_a_value_out_of_range_becomes_the_nearest_in_range() -> None:
    node = top("a: 11\nb: 0.5\n")
    assert (node.integer("a", low=1, high=10), node.seconds("b", low=1, high=10)) == (10, 1)
    assert told(node) == ["1:4: a: 11 is outside 1 to 10", "2:4: b: 0.5 s is outside 1 to 10 s"]


def test_paths_start_at_the_file() -> None:
    node = top("a: ./x/../y\nb: /abs//z/\nc: ../up\n")
    assert [str(node.file(key)) for key in "abc"] == ["/etc/router/y", "/abs/z", "/etc/up"]
    assert node.file("none", "state") == Path("/etc/router/state")


def test_strings() -> None:
    node = top("a: one\nb: [one, 2, no]\nc: []\nd: {}\ne: [[x], y]\n")
    assert [node.strings(key) for key in "abc"] == [("one",), ("one", "2", "no"), ()]
    assert node.strings("none", ("x", "y")) == ("x", "y")
    assert node.strings("d") == ()
    assert node.strings("e") == ("", "y")
    assert told(node) == ["4:4: d: must be a list, this is a mapping", "5:5: e[0]: must be text, this is a list"]


def test_a_scalar_is_its_main_field() -> None:
    form = top("bucket").form(main="name", known=("name", "other"))
    assert (form.text("name"), form.has("name"), form.has("other")) == ("bucket", True, False)
    assert top("{name: x}").form(main="name", known=("name",)).text("name") == "x"


def test_entries_elements_and_children_know_their_paths() -> None:
    node = top("f:\n  g: [a, {b: c}]\n  'x y.z': 1\n")
    child = node.child("f")
    assert child is not None
    assert [(key, value.path) for key, value in child.items()] == [("g", "f.g"), ("x y.z", 'f."x y.z"')]
    elements = child.items()[0][1].elements()
    assert [(element.path, element.place) for element in elements] == [("f.g[0]", "config.yaml:2:7"), ("f.g[1]", "config.yaml:2:10")]
    assert elements[0].text("") == "a"
    assert node.child("none") is None
    assert told(node) == []


def test_a_key_can_be_taken_out() -> None:
    node = top("{a: 1, b: 2}").without("a")
    assert [key for key, _ in node.form(known=("b",)).items()] == ["b"]
    assert told(node) == []
    assert top("text").without("a").text("") == "text"


def test_own_words_have_a_place_too() -> None:
    node = top("a: {b: 1}\n").child("a")
    assert node is not None
    node.problem("of the mapping")
    node.problem("of the value", "b")
    node.problem("of what is not there", "c")
    node.misnamed("b", "of the key")
    node.problem("of the mapping")
    assert told(node) == ["1:4: a: of the mapping", "1:4: a.c: of what is not there", "1:5: a.b: of the key", "1:8: a.b: of the value"]


def test_keys_cannot_forge_lines() -> None:
    node = top('"a\\nconfig.yaml:1:1: fine": 1\n').form(known=("b",))
    assert told(node) == ['1:1: "a\\nconfig.yaml:1:1: fine": unknown key']


def test_json_reads_what_json_would_and_text_otherwise() -> None:
    node = top("a: {n: 1, f: 1.5, t: true, z: null, e: , s: 'true', l: [yes, 010, 08:30, '5'], r: '${env:X}', o: '$${x}'}\n", {"X": "5"})
    assert node.json("a") == {
        "n": 1,
        "f": 1.5,
        "t": True,
        "z": None,
        "e": None,
        "s": "true",
        "l": ["yes", "010", "08:30", "5"],
        "r": "5",
        "o": "${x}",
    }
    assert node.json("none", []) == []
    assert told(node) == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])), inner, max_size=4)
    ),
    max_leaves=10,
)


def escaped(value: Any) -> Any:
    """The same without references, which stand in values alone."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {key: escaped(inner) for key, inner in value.items()}
    return [escaped(inner) for inner in value] if isinstance(value, list) else value


@given(value=JSON)
@example(value={"${": "${"})
def test_json_is_yaml(value: object) -> None:
    """Whatever JSON writes is read back as it was, but for references."""
    text = json.dumps({"value": escaped(value)}, ensure_ascii=False)
    node = top(text)
    if "duplicate" not in "".join(told(node)):
        assert node.json("value") == value
        assert told(node) == []


def test_a_literal_leaves_references_as_they_stand() -> None:
    node = top('a: ["${aws:username}", "$${x}", {b: true, c: "true", d: 10, e: 2012-10-17}, ~]\n').child("a")
    assert node is not None
    assert node.literal() == ["${aws:username}", "$${x}", {"b": True, "c": "true", "d": 10, "e": "2012-10-17"}, None]
    assert told(node) == []
