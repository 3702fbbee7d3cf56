"""Which bytes are asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.s3.errors import S3Error
from router.api.aws.s3.ranges import Span, copied, wanted


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=2-", Span(2, 10)),
        ("bytes=-3", Span(7, 10)),
        ("bytes=-99", Span(0, 10)),
        ("bytes=5-99", Span(5, 10)),
        ("bytes=9-9", Span(9, 10)),
        ("bytes=5-2", None),
        ("bytes=0-1,4-5", None),
        ("bytes=-", None),
        ("chars=0-1", None),
        ("bytes=a-b", None),
        ("", None),
    ],
)
def test_ranges(header: str, span: Span | None) -> None:
    assert wanted(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=999999999999999999-"])
def test_ranges_that_cannot_be_met(header: str) -> None:
    with pytest.raises(S3Error) as caught:
        wanted(header, 10)
    assert (caught.value.code, caught.value.status) == ("InvalidRange", 416)
    assert caught.value.elements == {"ActualObjectSize": "10", "RangeRequested": header}


@given(header=st.from_regex(r"bytes=[0-9]{0,25}-[0-9]{0,25}", fullmatch=True) | st.text(max_size=20), size=st.integers(0, 2**70))
def test_a_span_lies_within_the_object(header: str, size: int) -> None:
    try:
        span = wanted(header, size)
    except S3Error:
        return
    assert span is None or (0 <= span.start < span.end <= size and span.told(size).endswith(f"/{size}"))


def test_ranges_of_copies_are_not_clamped() -> None:
    assert copied("", 10) == Span(0, 10)
    assert copied("bytes=0-9", 10) == Span(0, 10)
    for header in ("bytes=0-10", "bytes=5-", "bytes=-5", "bytes=5-4", "0-1"):
        with pytest.raises(S3Error) as caught:
            copied(header, 10)
        assert caught.value.code == "InvalidArgument"
    with pytest.raises(S3Error, match="The specified copy range is invalid for the source object size") as caught:
        copied("bytes=10-12", 10)  # as recorded of AWS
    assert caught.value.code == "InvalidRequest"
