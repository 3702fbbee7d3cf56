"""Process trees."""

import os

from hypothesis import given
from hypothesis import strategies as st

from router.runtime.processes import Process, below, orphans, table


@given(parents=st.lists(st.integers(0, 30), max_size=30))
def test_below_finds_exactly_what_leads_to_the_root(parents: list[int]) -> None:
    """Process n+2 has a parent of a smaller number, so the table is a tree below 1."""
    rows = [Process(pid, min(parent, pid - 1) or 1, pid, zombie=False) for pid, parent in enumerate(parents, 2)]
    by_pid = {row.pid: row for row in rows}

    def leads_to(pid: int, root: int) -> bool:
        while pid in by_pid:
            pid = by_pid[pid].parent
            if pid == root:
                return True
        return False

    for root in range(1, 6):
        assert {row.pid for row in below([root], rows)} == {row.pid for row in rows if leads_to(row.pid, root)}


def test_orphans_are_unknown_children_with_all_below_them() -> None:
    rows = [
        Process(10, 1, 10, zombie=False),  # a worker
        Process(11, 10, 10, zombie=False),  # its child
        Process(20, 1, 20, zombie=True),  # an orphan that died
        Process(21, 1, 21, zombie=False),  # an orphan
        Process(22, 21, 22, zombie=False),
        Process(30, 2, 30, zombie=False),  # somebody else's
    ]
    assert {row.pid for row in orphans(1, {10}, rows)} == {20, 21, 22}


def test_this_process_is_in_the_table() -> None:
    (row,) = [row for row in table() if row.pid == os.getpid()]
    assert (row.parent, row.group, row.zombie) == (os.getppid(), os.getpgrp(), False)
