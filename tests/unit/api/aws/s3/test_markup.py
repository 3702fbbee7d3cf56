"""XML from strangers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.s3.documents import document, error, located, moment
from router.api.aws.s3.errors import S3Error
from router.api.aws.s3.markup import ELEMENTS, Node, parsed

BOMB = b'<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;&x;">]><Delete>&z;</Delete>'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Delete",
        b"<Delete>",
        b"<Delete></Other>",
        b"<Other/>",
        BOMB,
        b'<!DOCTYPE Delete SYSTEM "file:///etc/passwd"><Delete/>',
        b"<?php x?><Delete/>",
        b"<Delete>&unknown;</Delete>",
        b"<Delete>" * 20 + b"</Delete>" * 20,
        b"<Delete>" + b"<a/>" * (ELEMENTS + 1) + b"</Delete>",
        b"<Delete>\xff</Delete>",
        b"<Delete/><Delete/>",
        b"<Delete>\0</Delete>",
    ],
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        parsed(body, "Delete")
    assert caught.value.code == "MalformedXML"


@given(st.binary(max_size=200))
def test_noise_is_refused_or_read(body: bytes) -> None:
    try:
        assert isinstance(parsed(body, "a"), Node)
    except S3Error as told:
        assert told.code == "MalformedXML"  # noqa: PT017 - either way is fine, a third is not


def test_namespaces_do_not_count_and_text_comes_whole() -> None:
    body = b'<?xml version="1.0"?><d:Delete xmlns:d="urn:x"><Object xmlns="http://s3/"><Key>a &lt;&#233;&gt;<![CDATA[&]]>\r\n</Key></Object></d:Delete>'
    (one,) = parsed(body, "Delete").only("Object").children
    assert one.value("Key") == "a <é>&\n"
    assert one.find("Other") is None
    assert one.value("Other") == ""
    with pytest.raises(S3Error):
        one.only("Other")


SPEAKABLE = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff") | st.sampled_from("\t\n\r"), max_size=40
)


@given(key=SPEAKABLE)
def test_a_document_gives_back_what_was_put_in(key: str) -> None:
    body = document("Root", [("Key", key), ("Left", None), ("Inner", [("Count", 3), ("Yes", True)])])
    root = parsed(body, "Root")
    assert root.value("Key") == key
    assert [child.name for child in root.children] == ["Key", "Inner"]
    assert (root.children[1].value("Count"), root.children[1].value("Yes")) == ("3", "true")


@given(st.text(max_size=40))
def test_any_text_makes_a_document_that_can_be_read(key: str) -> None:
    assert parsed(document("Root", [("Key", key)]), "Root").name == "Root"
    assert b"<RequestId>r</RequestId>" in error("Code", key, {"Key": key}, request_id="r", host_id="h")


def test_the_first_region_is_spelled_as_nothing() -> None:
    assert located("us-east-1").endswith(b'/2006-03-01/"></LocationConstraint>')
    assert b">eu-west-1<" in located("eu-west-1")


def test_moments_are_whole_seconds() -> None:
    assert moment(1_445_412_480.987) == "2015-10-21T07:28:00.000Z"
