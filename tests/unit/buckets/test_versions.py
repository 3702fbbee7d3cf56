"""What is a new version, what is a touch, and when a file is complete."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.buckets import versions
from router.buckets.versions import CHANGED, CLOSED, CREATED, FOUND, GONE, MOVED, Seen, Still, Verdict, Version, judge, settle

S = 1_000_000_000
ROW = Version(root=7, inode=1, size=10, mtime=100 * S, ctime=100 * S, etag="e1", sequencer="00", racy=False)
SAME = Seen(1, 10, 100 * S, 100 * S, "e1")
LATER = replace(SAME, mtime=200 * S, ctime=200 * S)


@pytest.mark.parametrize(
    ("seen", "signs", "verdict"),
    [
        (SAME, FOUND, Verdict.NOTHING),
        (SAME, CLOSED, Verdict.NOTHING),
        (replace(SAME, etag=""), CHANGED, Verdict.NOTHING),
        (replace(SAME, etag="e2"), CLOSED, Verdict.CREATED),  # two writes within one tick
        (replace(LATER, etag="e2"), FOUND, Verdict.CREATED),
        (replace(LATER, size=11), FOUND, Verdict.CREATED),
        (LATER, FOUND, Verdict.REFRESH),  # touched while nobody watched
        (LATER, CLOSED | CHANGED, Verdict.REFRESH),  # touched while we watched
        (LATER, CLOSED, Verdict.CREATED),  # the same bytes written again
        (replace(SAME, ctime=200 * S), CLOSED, Verdict.REFRESH),  # chmod, hard link
        (replace(SAME, ctime=200 * S, etag="e2"), FOUND, Verdict.CREATED),  # rewritten and its time set back
        (replace(SAME, inode=2, mtime=50 * S, ctime=200 * S), MOVED, Verdict.CREATED),  # renamed over, an older time
        (replace(SAME, inode=2, ctime=200 * S), MOVED, Verdict.CREATED),
    ],
)
def test_a_recorded_object_that_is_there(seen: Seen, signs: int, verdict: Verdict) -> None:
    assert judge(ROW, seen, signs=signs, root=7) is verdict


def test_a_file_without_a_row_is_new_and_a_row_without_a_file_is_gone() -> None:
    assert judge(None, SAME, signs=FOUND, root=7) is Verdict.CREATED
    assert judge(ROW, None, signs=GONE, root=7) is Verdict.REMOVED
    assert judge(None, None, signs=GONE, root=7) is Verdict.NOTHING


@pytest.mark.parametrize(
    ("former", "present", "verdict"),
    [(7, 8, Verdict.FORGET), (-7, 8, Verdict.NOTHING), (7, -8, Verdict.NOTHING), (-7, -8, Verdict.NOTHING), (-7, -7, Verdict.REMOVED)],
)
def test_what_only_a_former_root_held_is_not_reported_as_deleted(former: int, present: int, verdict: Verdict) -> None:
    assert judge(replace(ROW, root=former), None, signs=FOUND, root=present) is verdict


def test_files_copied_to_another_disk_with_their_times_are_the_same_objects() -> None:
    assert judge(ROW, replace(SAME, inode=99, ctime=300 * S), signs=FOUND, root=8) is Verdict.REFRESH
    assert judge(ROW, replace(SAME, inode=99, ctime=300 * S, etag="e2"), signs=FOUND, root=8) is Verdict.CREATED
    assert judge(ROW, SAME, signs=FOUND, root=8) is Verdict.REFRESH


def test_a_racy_row_is_looked_at_again_and_then_trusted() -> None:
    racy = replace(ROW, racy=True)
    assert judge(racy, SAME, signs=FOUND, root=7) is Verdict.REFRESH
    assert judge(racy, replace(SAME, etag="e2"), signs=FOUND, root=7) is Verdict.CREATED
    assert versions.needs_content(racy, SAME, FOUND)
    assert not versions.needs_content(ROW, SAME, FOUND)
    assert versions.needs_content(None, SAME, FOUND)
    assert versions.needs_content(ROW, LATER, FOUND)


# -- complete


def due(seen: Seen, signs: int, before: Still | None = None, *, now: float = 50.0, wall: int = 100 * S) -> Still | None:
    return settle(seen, signs, before, now=now, wall_ns=wall, seconds=2.0)


@pytest.mark.parametrize("signs", [CLOSED, MOVED, CLOSED | CREATED, MOVED | GONE])
def test_closed_or_moved_in_is_complete(signs: int) -> None:
    assert due(SAME, signs) is None


@pytest.mark.parametrize("signs", [CREATED, FOUND, CHANGED, GONE])
def test_anything_else_stands_still_first(signs: int) -> None:
    still = due(SAME, signs)
    assert still == Still((1, 10, 100 * S), 50.0)
    assert due(SAME, signs, still, now=51.9) == still
    assert due(SAME, signs, still, now=52.0) is None
    assert due(replace(SAME, size=11), signs, still, now=52.0) == Still((1, 11, 100 * S), 52.0)


@pytest.mark.parametrize("signs", [CREATED, FOUND, CHANGED, GONE])
def test_what_nobody_has_open_need_not_stand_still(signs: int) -> None:
    assert due(replace(SAME, writing=False), signs) is None
    assert due(replace(SAME, writing=None), signs) is not None
    assert due(replace(SAME, writing=True), signs) is not None


def test_a_file_written_long_ago_is_complete_when_it_is_found() -> None:
    assert due(SAME, FOUND, wall=102 * S) is None
    assert due(SAME, FOUND, wall=102 * S - 1) is not None
    assert due(SAME, FOUND, wall=1 * S) is not None  # a time in the future proves nothing


def test_a_file_that_somebody_writes_is_not_complete_until_patience_ends() -> None:
    writing = replace(SAME, writing=True)
    still = due(writing, CLOSED)
    assert still is not None
    assert due(writing, CLOSED, still, now=50.0 + 29.9) == still
    assert due(writing, CLOSED, still, now=50.0 + 30.0) is None
    assert due(SAME, CLOSED, still, now=50.1) is None


@given(times=st.lists(st.integers(0, 5), min_size=1, max_size=20), sizes=st.lists(st.integers(0, 2), min_size=1, max_size=20))
def test_complete_means_unchanged_for_as_long_as_asked(times: list[int], sizes: list[int]) -> None:
    """Whatever the pauses: when settle() lets go, the last look that differed is at least settle seconds away."""
    still, now, changed, last = None, 0.0, 0.0, None
    for pause, size in zip(times, sizes, strict=False):
        now += pause
        if size != last:
            changed, last = now, size
        still = settle(Seen(1, size, 10**18, 0), CREATED, still, now=now, wall_ns=0, seconds=2.0)
        assert (still is None) == (now - changed >= 2.0)
        if still is None:
            return


# -- racy times, stirring


def test_a_look_within_the_tick_is_racy() -> None:
    assert versions.racy(100 * S + 5, 100 * S + 6)
    assert not versions.racy(100 * S + 5, 100 * S + 30_000_000)
    assert versions.racy(100 * S, 102 * S)  # a file system that counts seconds
    assert versions.racy(200 * S, 100 * S)  # a time in the future


def test_different_successors_are_stirred_apart_and_alike_ones_alike() -> None:
    stirs = [versions.stir(replace(SAME, ctime=ctime)) for ctime in range(1000)]
    assert len(set(stirs)) > 950
    assert all(1 <= one <= 65536 for one in stirs)
    assert versions.stir(SAME) == versions.stir(replace(SAME, writing=True))
