"""Whatever an answer's text holds, the document is one; what XML has characters for comes back as it was."""

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.api.aws.protocol import Fault
from router.api.aws.query import QueryProtocol
from router.api.aws.s3 import documents
from router.api.aws.sqs import query
from router.api.aws.sqs.wire import SqsQuery
from router.api.aws.xml_text import said
from router.events.sqs_rules import plain
from tests.helpers.models import model

ANYTHING = st.text(st.characters() | st.sampled_from("\0\1\x08\x0b\x1f\x7f\ud800\udfff\ufffe\uffff<>&\"']\r\n"))


@given(ANYTHING)
@example("]]>\r\n\r")
def test_any_text_can_be_read(text: str) -> None:
    found = ET.fromstring(f"<a>{said(text)}</a>".encode()).text or ""
    assert found == "".join(one if plain(one) else "\ufffd" for one in text)


def of_query(text: str) -> bytes:
    body = QueryProtocol().fault(model("sns"), Fault(text, text, 400), "r").body
    assert isinstance(body, bytes)
    return body


def of_sqs(text: str) -> bytes:
    body = SqsQuery().fault(model("sqs"), Fault(text, text, 400), "r").body
    assert isinstance(body, bytes)
    return body


def of_queues(text: str) -> bytes:
    members = {"Messages": [{"Body": text, "MessageAttributes": {text: {"StringValue": text, "DataType": text}}}], "Tags": {text: text}}
    return query.answer("ReceiveMessage", members, "r")


def of_listing(text: str) -> bytes:
    return documents.document("ListBucketResult", [("Prefix", text), ("Contents", [("Key", text)])])


def of_s3(text: str) -> bytes:
    return documents.error("NoSuchKey", text, {"Key": text}, request_id="r", host_id="h")


@pytest.mark.parametrize("made", [of_query, of_sqs, of_queues, of_listing, of_s3])
@given(ANYTHING)
def test_every_kind_of_document_can_be_read(made: Callable[[str], bytes], text: str) -> None:
    assert ET.fromstring(made(text)) is not None
