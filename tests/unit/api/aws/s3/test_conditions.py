"""Conditional requests and their precedence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.s3.conditions import of_copy, of_delete, of_read, of_write
from router.api.aws.s3.errors import S3Error
from router.buckets.facts import Condition

BEFORE, AT, AFTER = "Wed, 21 Oct 2015 07:27:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:29:00 GMT"
MODIFIED = 1_445_412_480.7  # AT, and a part of a second


@pytest.mark.parametrize(
    ("headers", "result"),
    [
        ({}, ""),
        ({"if-match": '"e"'}, ""),
        ({"if-match": "e"}, ""),
        ({"if-match": "*"}, ""),
        ({"if-match": '"x"'}, "If-Match"),
        ({"if-match": '"x", "e"'}, ""),
        ({"if-none-match": '"e"'}, "not modified"),
        ({"if-none-match": "*"}, "not modified"),
        ({"if-none-match": "x"}, ""),
        ({"if-modified-since": AT}, "not modified"),
        ({"if-modified-since": AFTER}, "not modified"),
        ({"if-modified-since": BEFORE}, ""),
        ({"if-unmodified-since": AT}, ""),
        ({"if-unmodified-since": BEFORE}, "If-Unmodified-Since"),
        ({"if-match": "e", "if-unmodified-since": BEFORE}, ""),
        ({"if-match": "x", "if-unmodified-since": AFTER}, "If-Match"),
        ({"if-none-match": "x", "if-modified-since": AFTER}, ""),
        ({"if-none-match": "e", "if-modified-since": BEFORE}, "not modified"),
        ({"if-match": "x", "if-none-match": "e"}, "If-Match"),
        ({"if-modified-since": "yesterday"}, ""),
        ({"if-unmodified-since": "Wed, 99 Oct 99999999999 07:28:00 GMT"}, ""),
    ],
)
def test_reading(headers: dict[str, str], result: str) -> None:
    if result.startswith("If-"):
        with pytest.raises(S3Error) as caught:
            of_read(headers, "e", MODIFIED)
        assert (caught.value.code, caught.value.elements) == ("PreconditionFailed", {"Condition": result})
    else:
        assert of_read(headers, "e", MODIFIED) == result


@pytest.mark.parametrize(
    ("headers", "failed"),
    [
        ({"if-match": "e"}, ""),
        ({"if-match": "x"}, "x-amz-copy-source-If-Match"),
        ({"if-none-match": "e"}, "x-amz-copy-source-If-None-Match"),
        ({"if-none-match": "x", "if-modified-since": AFTER}, ""),
        ({"if-modified-since": AFTER}, "x-amz-copy-source-If-Modified-Since"),
        ({"if-unmodified-since": BEFORE}, "x-amz-copy-source-If-Unmodified-Since"),
        ({"if-match": "e", "if-unmodified-since": BEFORE}, ""),
    ],
)
def test_copying(headers: dict[str, str], failed: str) -> None:
    given_ = {f"x-amz-copy-source-{name}": value for name, value in headers.items()} | {"if-match": "of the target"}
    if not failed:
        of_copy(given_, "e", MODIFIED)
        return
    with pytest.raises(S3Error) as caught:
        of_copy(given_, "e", MODIFIED)
    assert caught.value.elements == {"Condition": failed}


def test_writing() -> None:
    assert of_write({}) == Condition()
    assert of_write({"if-none-match": "*"}) == Condition(if_none_match=True)
    assert of_write({"if-match": '"e"'}) == Condition(if_match='"e"')
    for headers in ({"if-none-match": "e"}, {"if-match": "*"}, {"if-match": "e", "if-none-match": "*"}):
        with pytest.raises(S3Error) as caught:
            of_write(headers)
        assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)


def test_removing() -> None:
    assert of_delete({}) == Condition()
    assert of_delete({"if-match": '"e"'}) == Condition(if_match='"e"')
    assert of_delete({"if-match": "*"}) == Condition(if_match="*")
    for name in ("x-amz-if-match-size", "x-amz-if-match-last-modified-time", "if-none-match"):
        with pytest.raises(S3Error) as caught:
            of_delete({"if-match": "e", name: "1"})
        assert (caught.value.code, caught.value.status, caught.value.elements) == ("NotImplemented", 501, {"Header": name})


@given(st.dictionaries(st.sampled_from(["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]), st.text(max_size=30)))
def test_no_header_is_an_accident(headers: dict[str, str]) -> None:
    try:
        assert of_read(headers, "e", MODIFIED) in ("", "not modified")
    except S3Error as error:
        assert error.status == 412  # noqa: PT017 - either way is fine, a third is not
