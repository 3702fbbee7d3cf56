"""Text of templates: short tags, JSON, and what is refused of YAML."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.templates.document import DEPTH, LARGEST, parse
from router.templates.words import TemplateError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def value(text: str) -> Any:
    return parse(f"Resources:\n  {text}").value["Resources"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("!Ref A", {"Ref": "A"}),
        ("!Condition A", {"Condition": "A"}),
        ("!GetAtt A.B.C", {"Fn::GetAtt": ["A", "B.C"]}),
        ("!GetAtt [A, B]", {"Fn::GetAtt": ["A", "B"]}),
        ("!Sub 'x-${A}'", {"Fn::Sub": "x-${A}"}),
        ("!Sub ['${a}', {a: !Ref B}]", {"Fn::Sub": ["${a}", {"a": {"Ref": "B"}}]}),
        ("!If [A, 1, !Ref AWS::NoValue]", {"Fn::If": ["A", 1, {"Ref": "AWS::NoValue"}]}),
        ("!Join ['', [a, !Select [0, [b]]]]", {"Fn::Join": ["", ["a", {"Fn::Select": [0, ["b"]]}]]}),
        ("!Base64 12", {"Fn::Base64": "12"}),
        ("2012-10-17", "2012-10-17"),
        ("012345678901", "012345678901"),
        ("yes", True),
        ("0.5", 0.5),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("~", None),
        ("08:30", "08:30"),
    ],
)
def test_short_tags_and_scalars(written: str, meant: Any) -> None:
    assert value(written) == meant


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: *x", "line 1: alias *x: nothing before it has that anchor"),
        ("a: &x [*x]", "alias *x: nothing before it"),
        ("a: {<<: 1}", "line 1: << wants a mapping"),
        ("a: {<<: [{b: 1}, 2]}", "<< wants a mapping"),
        ("a: !Frob 1", "no intrinsic function"),
        ("a: !!python/object:os.system 1", "no intrinsic function"),
        ("a: !GetAtt x", "LOGICAL.ATTRIBUTE"),
        ("a: 1\n---\nb: 2", "second document"),
        ("a: [1", "not YAML"),
        ("- 1", "a mapping with Resources"),
        ("a: \x01", "control character U+0001"),
        ('{"a": NaN}', "no JSON"),
        ('{"a": 1', "not JSON"),
        ("? [a]\n: 1", "a key must be text"),
        ("a: " + "[" * (DEPTH + 1) + "]" * (DEPTH + 1), "nested"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested"),
        ("a: " + "x" * LARGEST, "larger than 1 MB"),
    ],
)
def test_what_is_no_template_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(TemplateError) as refused:
        parse(text)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "meant", "repeated"),
    [
        ("a: 1\nb: 2\na: {c: 3}", {"a": {"c": 3}, "b": 2}, {"a": (3, 1)}),
        ("a:\n- b: {c: 1,\n  c: 2}\nc: 1", {"a": [{"b": {"c": 2}}], "c": 1}, {"a.0.b.c": (3, 2)}),
        ("a: 1\na: 2\na: 3", {"a": 3}, {"a": (3, 2)}),
        ('{"a": {"b": 1, "b": 2}, "c": 3}', {"a": {"b": 2}, "c": 3}, {"b": (0, 0)}),
    ],
)
def test_of_a_key_that_is_there_twice_the_last_one_counts(text: str, meant: Any, repeated: dict[str, tuple[int, int]]) -> None:
    found = parse(text)
    said = [(f"Twice: {path}", line, f"that of line {before}" if before else "the one before") for path, (line, before) in repeated.items()]
    assert found.value == meant
    assert [(row.resource, row.line) for row in found.rows] == [one[:2] for one in said]
    assert [row.notes for row in found.rows] == [(f"the last one counts, {one[2]} is left out",) for one in said]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a: &x 1\nb: *x\nc: &x {d: [2]}\ne: [*x, *x]", {"a": 1, "b": 1, "c": {"d": [2]}, "e": [{"d": [2]}, {"d": [2]}]}),
        ("a: &x !Sub y\nb: *x", {"a": {"Fn::Sub": "y"}, "b": {"Fn::Sub": "y"}}),
        ("a: &o [&i {k: 1}]\nb: *i\nc: *o", {"a": [{"k": 1}], "b": {"k": 1}, "c": [{"k": 1}]}),
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}\nc: {l: 3, <<: *x}", {"a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3}, "c": {"k": 1, "l": 3}}),
        ("a: {<<: [{k: 1}, {k: 2, l: 3}]}", {"a": {"k": 1, "l": 3}}),
    ],
)
def test_aliases_and_merge_keys_are_written_out(text: str, meant: Any) -> None:
    assert parse(text).value == meant


PLAIN = st.text("ab:#*&- ")


@given(st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3), max_leaves=8))
def test_an_alias_is_what_it_names(found: Any) -> None:
    text = json.dumps(found)
    assert parse(f'"a": &x {text}\n"b": *x').value == {"a": found, "b": found}


def test_an_alias_bomb_does_not_go_off() -> None:
    lines = ["a: &a [x, x]"] + [f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]" for n in range(20)]
    with pytest.raises(TemplateError, match="aliases make more than 200000 values"):
        parse("\n".join(lines))
    nested = "".join(f"&{chr(97 + n)} [" for n in range(26)) + "x, " * 9000 + "]" * 26
    with pytest.raises(TemplateError, match="aliases make more than"):
        parse(f"a: {nested}")


def test_resources_know_their_lines() -> None:
    assert parse("Resources:\n  A:\n    Type: T\n\n  B: {Type: T}\nOutputs: {C: 1}").lines == {"A": 2, "B": 5}


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_json_is_what_it_says(found: dict[str, Any]) -> None:
    text = json.dumps(found)
    assert parse(text if text.startswith("{") else "{}").value == found


@given(st.text(alphabet="ab:{}[]!&*#-'\"\n ,?|>%@RefSub", max_size=60))
def test_any_text_is_a_template_or_a_refusal(text: str) -> None:
    with suppress(TemplateError):
        assert isinstance(parse(text).value, dict)
