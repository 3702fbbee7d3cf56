"""The older protocol."""

import contextlib
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.sqs import query
from router.events.sqs_errors import InvalidParameterValue

NAMES = {"q": query.NAMESPACE}


def read(text: str, operation: str = "SendMessage", path: str = "/") -> dict[str, Any]:
    return query.members_of(operation, parse_qsl(text, keep_blank_values=True), path)


def test_a_send_as_the_developer_guide_spells_it() -> None:
    text = (
        "Action=SendMessage&Version=2012-11-05&MessageBody=This+is+a+test+message&DelaySeconds=5"
        "&MessageAttribute.1.Name=test_attribute&MessageAttribute.1.Value.StringValue=x&MessageAttribute.1.Value.DataType=String"
        "&MessageAttribute.2.Name=b&MessageAttribute.2.Value.BinaryValue=AP8%3D&MessageAttribute.2.Value.DataType=Binary"
    )
    assert read(text, path="/123456789012/jobs") == {
        "QueueUrl": "/123456789012/jobs",
        "MessageBody": "This is a test message",
        "DelaySeconds": 5,
        "MessageAttributes": {
            "test_attribute": {"StringValue": "x", "DataType": "String"},
            "b": {"BinaryValue": b"\x00\xff", "DataType": "Binary"},
        },
    }


def test_lists_and_batches() -> None:
    assert read("AttributeName.2=b&AttributeName.1=a&AttributeName.10=c") == {"AttributeNames": ["a", "b", "c"]}
    assert read("Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&Tag.1.Key=k&Tag.1.Value=v", "CreateQueue") == {
        "Attributes": {"DelaySeconds": "5"},
        "tags": {"k": "v"},
    }
    batch = "&".join(f"SendMessageBatchRequestEntry.{n}.Id=m{n}&SendMessageBatchRequestEntry.{n}.MessageBody={n}" for n in (1, 2))
    assert read(batch) == {"Entries": [{"Id": "m1", "MessageBody": "1"}, {"Id": "m2", "MessageBody": "2"}]}


@pytest.mark.parametrize(
    "text",
    [
        "AttributeName=x",
        "AttributeName.x=1",
        "Attribute.1=x",
        "Attribute.1.Value=x",
        "a=1&a.b=2",
        ".".join("a" * 9) + "=1",
        "MessageAttribute.1.Name=a&MessageAttribute.1.Value.BinaryValue=%21",
    ],
)
def test_a_form_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        read(text)


def test_an_answer() -> None:
    members = {"Messages": [{"MessageId": "1", "Body": "<&\r\n", "Attributes": {"SenderId": "A"}, "MessageAttributes": {"n": {"BinaryValue": b"\x00", "DataType": "Binary"}}}]}  # fmt: skip
    root = ET.fromstring(query.answer("ReceiveMessage", members, "r-1"))
    assert root.tag == f"{{{query.NAMESPACE}}}ReceiveMessageResponse"
    message = "q:ReceiveMessageResult/q:Message/"
    texts = {path: root.findtext(path, namespaces=NAMES) for path in (f"{message}q:Body", f"{message}q:Attribute/q:Value")}
    assert list(texts.values()) == ["<&\r\n", "A"]
    assert root.findtext(f"{message}q:MessageAttribute/q:Value/q:BinaryValue", namespaces=NAMES) == "AA=="
    assert root.findtext("q:ResponseMetadata/q:RequestId", namespaces=NAMES) == "r-1"
    batch = query.answer("SendMessageBatch", {"Successful": [{"Id": "a"}], "Failed": [{"Id": "b", "SenderFault": True}]}, "r")
    assert b"<SendMessageBatchResultEntry><Id>a</Id></SendMessageBatchResultEntry>" in batch
    assert b"<BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault></BatchResultErrorEntry>" in batch


def test_an_answer_without_members_has_its_result_where_the_operation_has_one() -> None:
    """As recorded of AWS: a receive that finds nothing says <ReceiveMessageResult/>, a deletion has no result at all."""
    assert b"<ReceiveMessageResult/><ResponseMetadata>" in query.answer("ReceiveMessage", {}, "r")
    assert b"Result" not in query.answer("DeleteMessage", {}, "r", void=True)


def test_a_refusal() -> None:
    root = ET.fromstring(query.refusal("AWS.SimpleQueueService.NonExistentQueue", "no <queue>", "r-1"))
    assert root.findtext("q:Error/q:Code", namespaces=NAMES) == "AWS.SimpleQueueService.NonExistentQueue"
    assert root.findtext("q:Error/q:Message", namespaces=NAMES) == "no <queue>"


@given(st.lists(st.tuples(st.text(alphabet="AttributeNm.12Value ", max_size=20), st.text(max_size=5))))
def test_any_form_is_read_or_refused(form: list[tuple[str, str]]) -> None:
    with contextlib.suppress(InvalidParameterValue):
        query.members_of("SendMessage", form)


@given(st.dictionaries(st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), min_size=1), st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]))))  # fmt: skip
def test_attributes_come_back_out_of_a_form(attributes: dict[str, str]) -> None:
    form = [
        pair
        for number, (name, value) in enumerate(attributes.items(), 1)
        for pair in ((f"Attribute.{number}.Name", name), (f"Attribute.{number}.Value", value))
    ]
    assert query.members_of("SetQueueAttributes", form).get("Attributes", {}) == attributes
    ET.fromstring(query.answer("GetQueueAttributes", {"Attributes": attributes}, "r"))
