"""Receipt handles and attributes: what goes in comes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.sqs import Attribute
from router.events.sqs_errors import ReceiptHandleIsInvalid
from router.queues.rows import Handle, attributes_of, attributes_text

texts = st.text(st.characters(codec="utf-8"), min_size=1)


@given(number=st.integers(1, 2**63 - 1), token=st.text("0123456789abcdef", max_size=24))
def test_a_handle_survives(number: int, token: str) -> None:
    handle = Handle("jobs", number, token)
    assert Handle.of(str(handle), "jobs") == handle


@given(text=st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_any_other_text_is_refused_in_one_way(text: str) -> None:
    with pytest.raises(ReceiptHandleIsInvalid):
        Handle.of(text, "jobs")


@given(
    st.dictionaries(
        texts, st.one_of(texts.map(lambda t: Attribute("String", t)), st.binary(min_size=1).map(lambda b: Attribute("Binary", b)))
    )
)
def test_attributes_survive(attributes: dict[str, Attribute]) -> None:
    assert attributes_of(attributes_text(attributes)) == attributes
