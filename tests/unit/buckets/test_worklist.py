"""Work is named once, bounded, and never forgotten."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from router.buckets.versions import CHANGED, CLOSED, CREATED, FOUND, GONE, MOVED, Still
from router.buckets.worklist import GRACE, Work, Worklist


def test_a_close_is_looked_at_at_once_and_a_creation_after_a_moment() -> None:
    work = Worklist()
    work.name("closed", CLOSED, now=0)
    work.name("created", CREATED, now=0)
    assert work.take(10, now=0) == {"closed": Work(CLOSED)}
    assert work.due(now=0) == GRACE
    assert work.take(10, now=GRACE) == {"created": Work(CREATED)}


def test_signs_of_one_key_add_up_and_a_close_ends_the_wait() -> None:
    work = Worklist()
    work.name("k", CREATED, now=0)
    work.name("k", CHANGED, now=0)
    assert work.take(10, now=0) == {}
    work.name("k", CLOSED, now=0)
    assert work.take(10, now=0) == {"k": Work(CREATED | CHANGED | CLOSED)}
    assert work.due(now=0) is None


def test_what_was_known_of_a_former_file_says_nothing_of_its_successor() -> None:
    work = Worklist()
    for sign in (CLOSED, GONE, CREATED):
        work.name("k", sign, now=0)
    assert work.take(1, now=0) == {"k": Work(GONE | CREATED)}
    work.done("k")
    for sign in (CHANGED, MOVED):
        work.name("k", sign, now=0)
    assert work.take(1, now=0) == {"k": Work(MOVED)}


def test_a_key_has_one_looker_and_is_looked_at_again_when_it_was_named_meanwhile() -> None:
    work = Worklist()
    work.name("k", CLOSED, now=0)
    work.take(1, now=0)
    work.name("k", CLOSED, now=0)
    assert work.take(1, now=0) == {}
    work.done("k")
    assert work.take(1, now=0) == {"k": Work(CLOSED)}
    work.done("k")
    assert len(work) == 0


def test_a_key_put_off_comes_back_with_what_was_known() -> None:
    work, still = Worklist(), Still((1, 2, 3), 0.0)
    work.name("k", CLOSED, now=0)
    work.take(1, now=0)
    work.later("k", Work(CLOSED, still), due=2.0)
    assert work.take(1, now=1.9) == {}
    assert work.take(1, now=2.0) == {"k": Work(CLOSED, still)}
    work.name("k", CREATED, now=2.0)
    work.later("k", Work(CLOSED, still), due=4.0)
    assert work.take(1, now=2.0) == {"k": Work(CLOSED | CREATED, still)}


def test_a_scan_does_not_hurry_what_is_watched_standing_still() -> None:
    work = Worklist()
    work.name("k", CREATED, now=0)
    work.found("k", FOUND)
    assert work.take(1, now=0) == {}
    work.found("other", FOUND)
    work.found("other", GONE)
    assert work.take(1, now=0) == {"other": Work(FOUND | GONE)}


def test_what_is_being_recorded_below_a_directory_is_looked_at_again() -> None:
    work = Worklist()
    for key in ("d/e/f", "d2/f", "g"):
        work.name(key, CLOSED, now=0)
    assert len(work.take(3, now=0)) == 3
    work.again("d")
    for key in ("d/e/f", "d2/f", "g"):
        work.done(key)
    assert work.take(3, now=0) == {"d/e/f": Work(FOUND)}
    work.again("")
    work.done("d/e/f")
    assert work.take(3, now=0) == {"d/e/f": Work(FOUND)}


def test_past_the_limit_keys_collapse_into_directories_and_those_into_everything() -> None:
    work = Worklist(keys=2, directories=2)
    for key in ("a/1", "a/2", "a/3", "b/1", "a/1"):
        work.name(key, CLOSED, now=0)
    assert len(work) == 2
    assert work.take_directories() == {"a": False, "b": False}
    assert work.take_directories() == {}
    for directory in ("a", "b", "a/c"):
        work.name_directory(directory, deep=True)
    assert work.everything
    work.name_directory("d", deep=True)
    assert work.take_directories() == {}
    assert work.listing.is_set()


def test_deep_wins() -> None:
    work = Worklist()
    work.name_directory("a", deep=True)
    work.name_directory("a", deep=False)
    assert work.take_directories() == {"a": True}


def test_stale_times_do_not_pile_up() -> None:
    work = Worklist(keys=10)
    for turn in range(1000):
        work.name("k", CREATED, now=turn)
        work.name("k", CLOSED, now=turn)
        work.take(1, now=turn)
        work.done("k")
    assert len(work._times) <= 20
    assert len(work) == 0


async def test_a_scan_waits_for_room_and_is_let_go_at_the_end() -> None:
    work = Worklist(keys=4)
    for number in range(4):
        work.found(str(number), FOUND)
    waiting = asyncio.ensure_future(work.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    for key in work.take(2, now=0):
        work.done(key)
    await waiting
    for number in range(4):
        work.found(f"x{number}", FOUND)
    waiting = asyncio.ensure_future(work.room())
    await asyncio.sleep(0)
    work.close()
    await waiting
    await work.room()


KEYS = st.sampled_from(["a/1", "a/2", "b/1", "c", "d/e/f"])


class Machine(RuleBasedStateMachine):
    """Whatever happens, a key named is taken later, or its directory is listed later."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Worklist(keys=3, directories=2)
        self.now, self.owed, self.busy = 0.0, set[str](), set[str]()

    @rule(key=KEYS, sign=st.sampled_from([CLOSED, MOVED, CREATED, CHANGED, GONE]))
    def name(self, key: str, sign: int) -> None:
        self.work.name(key, sign, now=self.now)
        self.owed.add(key)

    @rule(key=KEYS)
    def found(self, key: str) -> None:
        self.work.found(key, FOUND)
        self.owed.add(key)

    @rule(seconds=st.floats(0, 3))
    def take(self, seconds: float) -> None:
        self.now += seconds
        for key in self.work.take(2, now=self.now):
            assert key not in self.busy
            self.busy.add(key)
            self.owed.discard(key)

    @rule(again=st.booleans())
    def finish(self, *, again: bool) -> None:
        for key in list(self.busy):
            self.busy.discard(key)
            if again:
                self.work.later(key, Work(CREATED), due=self.now + 1)
                self.owed.add(key)
            else:
                self.work.done(key)

    @rule()
    def scan(self) -> None:
        listed = self.work.take_directories()
        if self.work.everything:
            self.work.everything = False
            self.owed = {key for key in self.owed if key in self.work}
        self.owed = {key for key in self.owed if key in self.work or key.rpartition("/")[0] not in listed}

    @invariant()
    def nothing_is_forgotten(self) -> None:
        for key in self.owed:
            assert key in self.work or self.work.everything or key.rpartition("/")[0] in self.work._directories, key
        if not self.busy:
            assert len(self.work._order) >= len([key for key in self.work._ready if key not in self.work._busy])

    def teardown(self) -> None:
        """In the end everything owed comes."""
        self.finish(again=False)
        for _ in range(30):
            self.now += 5
            for key in self.work.take(10, now=self.now):
                self.owed.discard(key)
                self.work.done(key)
        self.scan()
        assert not self.owed


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWorklist = Machine.TestCase
