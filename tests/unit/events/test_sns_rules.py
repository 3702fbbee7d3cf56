"""What a topic takes."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.sns_errors import TopicError
from router.events.sns_rules import LARGEST, Message, array_of, check, check_batch, deduplication_id, structured
from router.events.sqs import Attribute

XML = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")


@given(st.text(XML, min_size=1, max_size=200))
def test_any_text_is_taken(text: str) -> None:
    check(Message(text), fifo=False, content_based=False)
    assert deduplication_id(Message(text)) == hashlib.sha256(text.encode()).hexdigest()


@given(st.text(), st.dictionaries(st.text(), st.builds(Attribute, st.text(), st.text() | st.binary())), st.text(), st.booleans())
def test_anything_is_taken_or_refused(text: str, attributes: dict[str, Attribute], token: str, fifo: bool) -> None:
    try:
        check(Message(text, token, attributes, token, token), fifo=fifo, content_based=False)
    except TopicError as refusal:
        assert str(refusal)  # noqa: PT017 - it says why


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=100))
def test_a_subject_is_any_text_in_one_line(subject: str) -> None:
    check(Message("x", subject), fifo=False, content_based=False)


@given(st.text(XML, max_size=40), st.characters(categories=["Cs", "Cc", "Zl", "Zp"]), st.text(XML, max_size=40))
def test_a_subject_has_no_line_breaks_and_no_control_characters(before: str, wrong: str, after: str) -> None:
    with pytest.raises(TopicError, match="Subject"):
        check(Message("x", before + wrong + after), fifo=False, content_based=False)


def test_attributes_count_towards_the_size() -> None:
    check(Message("x" * (LARGEST - 8), attributes={"n": Attribute("String", "v")}), fifo=False, content_based=False)
    with pytest.raises(TopicError, match="too long"):
        check(Message("x" * (LARGEST - 7), attributes={"n": Attribute("String", "v")}), fifo=False, content_based=False)


def test_texts_of_single_protocols() -> None:
    assert structured('{"default": "d", "sqs": "s", "lambda": 5}') == ("d", {"sqs": "s"})
    for text in ("x", "[]", "{}", '{"default": 1}', "[" * 100_000):
        with pytest.raises(TopicError):
            structured(text)


@given(st.text())
def test_an_array_is_one_or_none(text: str) -> None:
    found = array_of(text)
    assert found is None or isinstance(found, list)


def test_batches() -> None:
    check_batch(["a", "b"])
    for ids, code in (
        ([], "EmptyBatchRequest"),
        (["a"] * 2, "BatchEntryIdsNotDistinct"),
        (["a b"], "InvalidBatchEntryId"),
        (list("abcdefghijk"), "TooManyEntriesInBatchRequest"),
    ):
        with pytest.raises(TopicError) as refused:
            check_batch(ids)
        assert refused.value.code == code


def test_what_a_fifo_topic_takes() -> None:
    own, none = Message("x", group="g", deduplication="d!"), Message("x", group="g")
    check(own, fifo=True, content_based=False)
    check(none, fifo=True, content_based=True)
    assert deduplication_id(own) == "d!"
    for message, fifo in (
        (none, True),
        (own, False),
        (Message("x", deduplication="d"), True),
        (Message("x", group="a b", deduplication="d"), True),
    ):
        with pytest.raises(TopicError):
            check(message, fifo=fifo, content_based=False)


def test_an_attribute_of_several_values_is_a_json_array() -> None:
    check(Message("x", attributes={"n": Attribute("String.Array", '["a", 1, true, null]')}), fifo=False, content_based=False)
    for value in ("a", "{}", '{"a": 1}'):
        with pytest.raises(TopicError, match="no JSON array"):
            check(Message("x", attributes={"n": Attribute("String.Array", value)}), fifo=False, content_based=False)
