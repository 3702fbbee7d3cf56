"""Which functions a change is about."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Function
from router.functions.covering import by_place, touched, watched

FUNCTIONS = [
    Function("a", Path("/srv/a"), "app.f", layers=(Path("/srv/shared"),)),
    Function("b", Path("/srv/b.zip"), "app.f", layers=(Path("/srv/shared"),)),
]
PLACES = by_place(FUNCTIONS)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/srv/a/app.py", {"a"}),
        ("/srv/a/pkg/deep", {"a"}),
        ("/srv/a", {"a"}),
        ("/srv/b.zip", {"b"}),
        ("/srv/shared/python/x.py", {"a", "b"}),
        ("/srv", {"a", "b"}),
        ("/", {"a", "b"}),
        ("/srv/ab", set()),
        ("/srv/b.zip.tmp", set()),
        ("/other", set()),
    ],
)
def test_at_above_and_below(path: str, names: set[str]) -> None:
    assert touched(path, PLACES) == names


def test_an_exchange_is_told_one_above() -> None:
    assert watched(Path("/srv/a")) == "/srv"


SEGMENTS = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=4).map(lambda found: "/" + "/".join(found))


@given(SEGMENTS, SEGMENTS)
def test_the_same_as_paths_have_it(path: str, place: str) -> None:
    related = Path(path).is_relative_to(place) or Path(place).is_relative_to(path)
    assert bool(touched(path, {place: {"f"}})) == related
