"""Values and items for property tests."""

from typing import Any

from hypothesis import strategies as st

from router.items.errors import Refused
from router.items.numbers import canonical

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
names = st.sampled_from(["a", "b", "c", "d", "e"])


def _canonical(text: str) -> str | None:
    try:
        return canonical(text)
    except Refused:
        return None


numbers = (
    st.one_of(
        st.integers(-5, 5).map(str),
        st.integers(-(10**38) + 1, 10**38 - 1).map(str),
        st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000).map(str),
        st.tuples(st.integers(-999, 999), st.integers(-130, 120)).map(lambda pair: f"{pair[0]}e{pair[1]}"),
    )
    .map(_canonical)
    .filter(lambda found: found is not None)
)
scalars = st.one_of(
    texts.map(lambda held: {"S": held}),
    numbers.map(lambda held: {"N": held}),
    st.binary(max_size=4).map(lambda held: {"B": held}),
    st.booleans().map(lambda held: {"BOOL": held}),
    st.just({"NULL": True}),
    st.lists(texts, min_size=1, max_size=3, unique=True).map(lambda held: {"SS": held}),
    st.lists(numbers, min_size=1, max_size=3, unique=True).map(lambda held: {"NS": held}),
    st.lists(st.binary(max_size=3), min_size=1, max_size=3, unique=True).map(lambda held: {"BS": held}),
)
values: Any = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda held: {"L": held}), st.dictionaries(names, inner, max_size=3).map(lambda held: {"M": held})
    ),
    max_leaves=6,
)
items = st.dictionaries(names, values, max_size=4)
