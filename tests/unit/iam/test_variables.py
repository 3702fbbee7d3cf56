"""Policy variables."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam.variables import BadVariable, Unresolved, Variable, keys_of, resolved, spelled, template, text_of
from router.wildcards import Wild, matches_tokens

VALUES = st.text("ab*?${}'", max_size=8)


@given(VALUES, VALUES, VALUES)
def test_a_value_stands_for_itself_whatever_is_in_it(before: str, value: str, other: str) -> None:
    parts = template("x/${aws:username}/y", variables=True)
    found = resolved(parts, {"aws:username": (value,)})
    assert matches_tokens(found, f"x/{value}/y")
    assert matches_tokens(found, f"x/{other}/y") is (other == value)
    assert text_of(found) == f"x/{value}/y"
    with suppress(BadVariable):
        assert spelled(template(before, variables=True)) is not None


@given(st.text(max_size=20))
def test_without_variables_every_text_is_a_pattern_of_its_own_letters(text: str) -> None:
    assert text_of(resolved(template(text, variables=False), {})) == text


def test_the_parts_of_a_pattern() -> None:
    assert template("a*${aws:x, 'd, e'}?${*}", variables=True) == ("a", Wild.RUN, Variable("aws:x", "d, e"), Wild.ONE, "*")
    assert keys_of(template("${aws:a}${s3:b/c}", variables=True)) == ["aws:a", "s3:b/c"]
    assert spelled(template("a${aws:x}*", variables=True)) == "a${aws:x}*"


@pytest.mark.parametrize(
    "text", ["${", "${aws:x", "${}", "${x}", "${aws:x y}", "${aws:x, y}", "${aws:x 'y'}", "${aws:}", "${:x}", "${**}", "a${aws:x}${"]
)
def test_what_is_no_variable(text: str) -> None:
    with pytest.raises(BadVariable):
        template(text, variables=True)


def test_a_key_without_a_value_or_with_several_stands_for_nothing() -> None:
    with pytest.raises(Unresolved):
        resolved((Variable("aws:x", None),), {})
    with pytest.raises(Unresolved):
        resolved((Variable("aws:x", "d"),), {"aws:x": ("a", "b")})
    assert resolved((Variable("AWS:X", "d"),), {}) == ("d",)
