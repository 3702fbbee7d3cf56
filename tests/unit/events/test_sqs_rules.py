"""What SQS takes and what it does not."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import RouterError
from router.events.sqs import Attribute
from router.events.sqs_errors import InvalidParameterValue, QueueError
from router.events.sqs_rules import (
    LARGEST,
    New,
    Rules,
    check,
    check_attribute,
    check_batch,
    check_receive,
    check_visibility,
    deduplication_id,
    sequence_number,
    size_of,
)

STANDARD, FIFO, CONTENT = Rules(), Rules(fifo=True), Rules(fifo=True, content_based=True)
anything = st.text(st.characters(exclude_categories=()))


messages = st.builds(
    New,
    anything,
    st.dictionaries(anything, st.builds(Attribute, anything, st.one_of(anything, st.binary())), max_size=2),
    st.floats(),
    anything,
    anything,
)


@given(message=messages, rules=st.sampled_from([STANDARD, FIFO, CONTENT]))
def test_whatever_comes_is_taken_or_refused_by_name(message: New, rules: Rules) -> None:
    size = 0
    with contextlib.suppress(QueueError):
        size = check(message, rules)
    if size:
        assert 0 < size == size_of(message) <= LARGEST
        assert 0 < len(deduplication_id(message, rules)) <= 128 or not rules.fifo


@pytest.mark.parametrize(
    ("message", "rules", "code"),
    [
        (New(""), STANDARD, "MissingParameter"),
        (New("\x0b"), STANDARD, "InvalidMessageContents"),
        (New("\ufffe"), STANDARD, "InvalidMessageContents"),
        (New("\ud800"), STANDARD, "InvalidMessageContents"),
        (New("x" * (LARGEST + 1)), STANDARD, "InvalidParameterValue"),
        (New("x", delay=901), STANDARD, "InvalidParameterValue"),
        (New("x", delay=float("nan")), STANDARD, "InvalidParameterValue"),
        (New("x", group="g g"), STANDARD, "InvalidParameterValue"),
        (New("x", deduplication="d"), STANDARD, "InvalidParameterValue"),
        (New("x"), CONTENT, "MissingParameter"),
        (New("x", group="g"), FIFO, "InvalidParameterValue"),
        (New("x", group="g g"), CONTENT, "InvalidParameterValue"),
        (New("x", group="g" * 129), CONTENT, "InvalidParameterValue"),
        (New("x", group="g", delay=1), CONTENT, "InvalidParameterValue"),
        (New("x", {"AWS.x": Attribute("String", "v")}), STANDARD, "InvalidParameterValue"),
        (New("x", {"a..b": Attribute("String", "v")}), STANDARD, "InvalidParameterValue"),
        (New("x", {"a": Attribute("Text", "v")}), STANDARD, "InvalidParameterValue"),
        (New("x", {"a": Attribute("String", "")}), STANDARD, "InvalidParameterValue"),
        (New("x", {"a": Attribute("String", b"v")}), STANDARD, "InvalidParameterValue"),
        (New("x", {"a": Attribute("Number", "seven")}), STANDARD, "InvalidParameterValue"),
        (New("x", {"a": Attribute("Number", "1e129")}), STANDARD, "InvalidParameterValue"),
        (New("x", {"a": Attribute("Number", "1" * 39)}), STANDARD, "InvalidParameterValue"),
        (New("x", {f"a{n}": Attribute("String", "v") for n in range(11)}), STANDARD, "InvalidParameterValue"),
    ],
)
def test_what_is_refused(message: New, rules: Rules, code: str) -> None:
    with pytest.raises(RouterError) as caught:
        check(message, rules)
    assert caught.value.code == code


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=Decimal(-(10**30)), max_value=Decimal(10**30)))
def test_numbers_are_numbers(value: Decimal) -> None:
    check(New("x", {"a": Attribute("Number.money", str(value))}), STANDARD)


def test_attributes_count_in_full() -> None:
    assert size_of(New("\u00e9", {"ab": Attribute("Binary", b"123"), "c": Attribute("String", "\u00e9")})) == 2 + (2 + 6 + 3) + (1 + 6 + 2)


def test_content_gives_the_deduplication_id() -> None:
    assert deduplication_id(New("x", group="g"), CONTENT) == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert deduplication_id(New("x", group="g", deduplication="mine"), CONTENT) == "mine"


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_sequence_numbers_sort_as_text(one: int, other: int) -> None:
    assert len(sequence_number(one)) == 20
    assert (sequence_number(one) < sequence_number(other)) == (one < other)


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([str(n) for n in range(11)], "TooManyEntriesInBatchRequest"),
        (["a", "b c"], "InvalidBatchEntryId"),
        (["a", "a"], "BatchEntryIdsNotDistinct"),
    ],
)
def test_batches(ids: list[str], code: str) -> None:
    check_batch(["a", "b-1_x"])
    with pytest.raises(RouterError) as caught:
        check_batch(ids)
    assert caught.value.code == code


def test_receives() -> None:
    check_receive(10, 20)
    check_visibility(43_200)
    for most, wait in ((0, 0), (11, 0), (1, 21), (1, -1)):
        with pytest.raises(RouterError):
            check_receive(most, wait)
    for seconds in (-1, 43_201, float("nan")):
        with pytest.raises(RouterError):
            check_visibility(seconds)


def test_messages_of_a_standard_queue_are_told_apart_by_nothing() -> None:
    assert [deduplication_id(New("x"), rules) for rules in (STANDARD, FIFO)] == ["", ""]
    assert [deduplication_id(New("x", deduplication="d"), rules) for rules in (STANDARD, FIFO, CONTENT)] == ["d"] * 3


@pytest.mark.parametrize(
    ("name", "taken"), [("attr.1\u00f8\u00df\u00e4", True), *((f"a{sign}b", False) for sign in '!"\u00a7(?\u00d7 \u0430')]
)
def test_a_name_of_an_attribute_may_have_latin_letters(name: str, taken: bool) -> None:
    """As recorded of AWS, but for the last three signs."""
    with contextlib.nullcontext() if taken else pytest.raises(InvalidParameterValue):
        check_attribute(name, Attribute("String", "v"))


def test_a_name_of_an_attribute_has_256_characters_at_most() -> None:
    assert check(New("x", {"n" * 256: Attribute("String", "v")}), STANDARD)
    with pytest.raises(QueueError):
        check(New("x", {"n" * 257: Attribute("String", "v")}), STANDARD)
