"""Values of objects: kept and read back, types guessed, eTags compared."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.buckets.facts import DEFAULT_TYPE, UNSAID, Identity, Metadata, ObjectFacts, Part, guessed_type, matches

TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
TEXTS = st.dictionaries(TEXT, TEXT, max_size=2)
PARTS = st.lists(st.builds(Part, st.integers(1, 10_000), st.integers(0, 2**40), st.just(""), TEXTS, st.just(0.0)), max_size=2).map(tuple)


@settings(max_examples=50)
@given(st.builds(Metadata, TEXTS, TEXTS, TEXTS, st.sampled_from(["STANDARD", "GLACIER"]), TEXTS, st.sampled_from(["", "COMPOSITE"]), PARTS))
def test_what_was_said_is_read_back(said: Metadata) -> None:
    assert Metadata.of(orjson.loads(orjson.dumps(said.document()))) == said


def test_nothing_said_is_nothing_kept() -> None:
    assert UNSAID.document() == {}


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("a.jpg", "image/jpeg"), ("a/b.JSON", "application/json"), ("x.html", "text/html"), ("none", DEFAULT_TYPE),
        ("a.tar.gz", DEFAULT_TYPE), ("dir.html/", DEFAULT_TYPE), ("", DEFAULT_TYPE), (".html", DEFAULT_TYPE),
    ],
)  # fmt: skip
def test_types_are_guessed_by_the_ending(key: str, kind: str) -> None:
    assert guessed_type(key) == kind
    assert ObjectFacts("b", key, Identity(1, 2, 3_000_000_000), "e").content_type == kind


def test_what_a_client_says_of_its_type_counts() -> None:
    found = ObjectFacts("b", "a.jpg", Identity(1, 2, 3_500_000_000), "e", Metadata({"content-type": "x/y"}))
    assert (found.content_type, found.size, found.modified) == ("x/y", 2, 3.5)


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [("abc", True), ('"abc"', True), ("*", True), ('W/"abc"', True), ('"x", "abc"', True), ('"x"', False), ("", False), ('"ab"', False)],
)
def test_etags_compare_with_and_without_quotes(wanted: str, holds: bool) -> None:
    assert matches("abc", wanted) is holds
