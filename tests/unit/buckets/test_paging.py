"""Pages of a listing against the same made of a sorted list."""

from bisect import bisect_left
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from router.buckets import paging
from router.buckets.paging import Names, behind, merged, page

KEY = st.text(st.sampled_from("ab/-0é\U0010ffff"), min_size=1, max_size=6).map(str.encode)
KEYS = st.sets(KEY, max_size=40)
PIECE = st.text(st.sampled_from("ab/-"), max_size=3).map(str.encode)


def seeker(keys: set[bytes], prefix: bytes):
    ordered = sorted(key for key in keys if key.startswith(prefix))

    def seek(bound: bytes) -> Iterator[bytes]:
        return iter(ordered[bisect_left(ordered, bound) :])

    return seek


def model(keys: set[bytes], prefix: bytes, delimiter: bytes) -> list[bytes]:
    """Everything a listing shows, in order: keys, and common prefixes once each."""
    shown = set()
    for key in keys:
        if key.startswith(prefix):
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            shown.add(key if cut < 0 else key[: cut + len(delimiter)])
    return sorted(shown)


@given(KEYS, PIECE, PIECE, st.integers(1, 7))
def test_pages_together_are_the_whole_listing(keys: set[bytes], prefix: bytes, delimiter: bytes, limit: int) -> None:
    """Nothing is missing, nothing comes twice, no page is too long, and only the last says that it is."""
    found, after = list[bytes](), b""
    for _ in range(60):
        paged = page(seeker(keys, prefix), prefix, delimiter, after, limit)
        shown = sorted(paged.keys + paged.common_prefixes)
        assert len(shown) == limit or paged.next is None
        assert paged.keys == sorted(paged.keys)
        assert paged.common_prefixes == sorted(paged.common_prefixes)
        found += shown
        if paged.next is None:
            break
        assert paged.next == shown[-1]
        after = paged.next
    assert found == model(keys, prefix, delimiter)


@given(KEYS, KEY)
def test_without_a_delimiter_a_page_starts_behind_a_key(keys: set[bytes], after: bytes) -> None:
    assert page(seeker(keys, b""), b"", b"", after, 100).keys == sorted(key for key in keys if key > after)


def test_no_room_shows_nothing() -> None:
    assert page(seeker({b"a"}, b""), b"", b"", b"", 0) == ([], [], None)


@given(st.lists(st.binary(min_size=1, max_size=4).filter(lambda name: b"\0" not in name), max_size=60, unique=True), st.binary(max_size=4))
def test_names_are_held_in_order(names: list[bytes], bound: bytes) -> None:
    bound = bound.replace(b"\0", b"")
    small = paging.BLOCK, paging.SORTED_AT_ONCE
    paging.BLOCK, paging.SORTED_AT_ONCE = 4, 8  # type: ignore[misc]
    try:
        held = Names(list(names))
        assert list(held) == sorted(names)
        assert list(held.since(bound)) == sorted(name for name in names if name >= bound)
    finally:
        paging.BLOCK, paging.SORTED_AT_ONCE = small  # type: ignore[misc]


@given(st.binary(max_size=4), st.lists(st.binary(max_size=6), max_size=20))
def test_behind_a_prefix_is_everything_greater(prefix: bytes, names: list[bytes]) -> None:
    beyond = behind(prefix)
    for name in names:
        if name.startswith(prefix):
            assert beyond is None or name < beyond
        elif name > prefix:
            assert beyond is not None
            assert name >= beyond


@given(KEYS, KEYS)
def test_merged_is_the_union_in_order(one: set[bytes], other: set[bytes]) -> None:
    assert list(merged(iter(sorted(one)), iter(sorted(other)))) == sorted(one | other)
