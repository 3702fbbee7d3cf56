"""Which buckets have directories in common, and which have to do with the state directory."""

import pytest

from router.config.overlaps import Overlap, overlaps, within


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ({"a": "/data/a", "b": "/data/ab"}, []),
        ({"a": "/data/a", "b": "/data/a"}, [Overlap("b", "same", "a")]),
        ({"a": "/data/a/b", "b": "/data"}, [Overlap("a", "inside", "b")]),
        ({"a": "/data/a/b/c", "b": "/data", "c": "/data/a"}, [Overlap("a", "inside", "c"), Overlap("c", "inside", "b")]),
        ({"a": "/"}, [Overlap("a", "around state")]),
        ({"a": "/x", "b": "/"}, [Overlap("a", "inside", "b"), Overlap("b", "around state")]),
        ({"a": "/var/state"}, [Overlap("a", "around state")]),
        ({"a": "/var/statement"}, []),
        ({"a": "/var", "b": "/var"}, [Overlap("a", "around state"), Overlap("b", "same", "a")]),
        ({"a": "/var/state/journal"}, [Overlap("a", "in state")]),
        ({"a": "/var/state/buckets/a", "b": "/var/state/buckets/c"}, [Overlap("b", "in state")]),
    ],
)
def test_buckets_that_have_something_in_common(places: dict[str, str], found: list[Overlap]) -> None:
    assert list(overlaps(places, "/var/state")) == found


@pytest.mark.parametrize(
    ("place", "directory", "is_within"), [("/a", "/a", True), ("/a/b", "/a", True), ("/ab", "/a", False), ("/a", "/", True)]
)
def test_what_lies_in_a_directory(place: str, directory: str, is_within: bool) -> None:
    assert within(place, directory) is is_within
