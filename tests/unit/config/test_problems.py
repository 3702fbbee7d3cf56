"""Which mistakes are told, and in what order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.problems import LIMIT, Problems, near, ours

PATHS = st.sampled_from(["", "f", "f.a", "f.a.b", "f.a[0]", "f.ab", "g"])
NOTES = st.lists(st.tuples(st.integers(1, 2), st.integers(1, 2), PATHS, st.sampled_from(["one", "two"]), st.booleans()), max_size=40)


def of(*notes: tuple[int, int, str, str, bool]) -> Problems:
    problems = Problems("c")
    for line, column, path, message, fatal in notes:
        problems.note(line, column, path, message, fatal=fatal)
    return problems


def test_what_follows_from_a_fatal_mistake_is_not_told() -> None:
    first, same, beneath, element = (1, 2, "f", "none", True), (1, 2, "f", "x", False), (1, 2, "f.a", "x", True), (1, 2, "f[0]", "x", False)
    assert of(first, same, beneath, element).lines() == of(element, beneath, same, first).lines() == ("c:1:2: f: none",)
    assert of(first, (1, 2, "fa", "x", False), (1, 3, "f.a", "x", False)).lines() == ("c:1:2: f: none", "c:1:2: fa: x", "c:1:3: f.a: x")
    assert of((1, 1, "", "no mapping", True), (1, 1, "version", "is required", False)).lines() == (
        "c:1:1: no mapping",
        "c:1:1: version: is required",
    )
    assert of(first, same).count == 2


def test_a_key_that_is_there_under_another_name_is_not_told_to_be_missing() -> None:
    problems = of((1, 2, "f.handler", "is required", True), (1, 2, "f.code", "is required", True), (1, 4, "f.handlr", "unknown key", False))
    problems.misspelt(1, 2, "f.handler")
    assert problems.lines() == ("c:1:2: f.code: is required", "c:1:4: f.handlr: unknown key")
    assert problems.told_as_misspelt(1, 2, "f.handler")
    assert not problems.told_as_misspelt(1, 2, "f.code")


def test_more_than_enough_is_counted() -> None:
    problems = of(*((line, 1, "f", "x", True) for line in range(1, LIMIT + 11)))
    assert len(problems.lines()) == LIMIT + 1
    assert problems.lines()[-1] == "c: … and 10 more"


@given(notes=NOTES)
def test_no_file_with_a_mistake_passes_for_right(notes: list[tuple[int, int, str, str, bool]]) -> None:
    problems = of(*notes)
    assert bool(problems.lines()) == bool(notes)
    plain = of(*((*note[:4], False) for note in notes)).lines()
    assert set(problems.lines()) <= set(plain)
    assert [line for line in plain if line in problems.lines()] == list(problems.lines())


@pytest.mark.parametrize(
    ("word", "known"),
    [("sqs", "queue"), ("SQS", "queue"), ("HttpApi", "http"), ("dynamodb", "table"), ("EventBridgeRule", "event"), ("cron", "schedule")],
)
def test_a_trigger_by_its_name_elsewhere_is_what_is_meant(word: str, known: str) -> None:
    """Sqs is written like sns, and means something else."""
    assert near(ours(word), ("s3", "http", "url", "webhook", "schedule", "table", "event", "queue", "sns")) == known


def test_another_word_is_what_it_was() -> None:
    assert ours("shedule") == "shedule"
