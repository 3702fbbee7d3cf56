"""Wildcards, against an oracle that tries every way a pattern can match."""

import time

from hypothesis import given
from hypothesis import strategies as st

from router.wildcards import Wild, matches, matches_tokens, tokens


def oracle(pattern: str, text: str) -> bool:
    """The textbook's table."""
    row = [True] + [False] * len(text)
    for letter in pattern:
        if letter == "*":
            for index in range(1, len(row)):
                row[index] = row[index] or row[index - 1]
        else:
            row = [False] + [row[index] and letter in ("?", text[index]) for index in range(len(text))]
    return row[-1]


@given(st.text("ab*?:/\n", max_size=10), st.text("ab:/\n*?", max_size=12))
def test_a_pattern_matches_what_the_oracle_says(pattern: str, text: str) -> None:
    assert matches(pattern, text) is oracle(pattern, text)
    assert matches_tokens(tokens(pattern), text) is oracle(pattern, text)


@given(st.text())
def test_text_in_parts_means_itself(text: str) -> None:
    assert matches_tokens((text,) if text else (), text)
    assert matches("*", text)


def test_letter_case_counts_unless_it_is_folded_and_then_of_ascii_only() -> None:
    assert not matches("s3:get*", "s3:GetObject")
    assert matches("s3:get*", "S3:GETOBJECT", fold=True)
    assert not matches("\u212a", "k", fold=True)  # the Kelvin sign


def test_a_star_that_is_text_matches_a_star_alone() -> None:
    assert matches_tokens(("a*", Wild.ONE), "a*b")
    assert not matches_tokens(("a*", Wild.ONE), "abb")


def test_no_pattern_is_slow() -> None:
    started = time.process_time()
    assert not matches("*a" * 60 + "*c", "a" * 5000)
    assert time.process_time() - started < 1
