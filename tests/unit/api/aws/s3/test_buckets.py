"""Where a bucket may be made."""

import pytest

from router.api.aws.s3.buckets import check_place
from router.api.aws.s3.errors import S3Error


def config(inside: str) -> bytes:
    return f'<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inside}</CreateBucketConfiguration>'.encode()


def place(name: str) -> bytes:
    return config(f"<LocationConstraint>{name}</LocationConstraint>")


@pytest.mark.parametrize(("region", "body"), [("us-east-1", b""), ("eu-west-1", place("eu-west-1")), ("eu-west-1", place("EU"))])
def test_a_bucket_is_wanted_here(region: str, body: bytes) -> None:
    check_place(body, region)


@pytest.mark.parametrize(
    ("region", "body", "code", "why"),
    [
        ("us-east-1", place("us-east-1"), "InvalidLocationConstraint", "location-constraint is not valid"),
        ("us-east-1", place("aws-global"), "InvalidLocationConstraint", "location-constraint is not valid"),
        ("us-west-1", place("aws-global"), "IllegalLocationConstraintException", "The aws-global location constraint is incompatible"),
        ("us-east-1", place("us-west-1"), "IllegalLocationConstraintException", "The us-west-1 location constraint is incompatible"),
        ("us-east-1", config(""), "MalformedXML", "not well-formed"),
        ("us-east-2", b"", "IllegalLocationConstraintException", "The unspecified location constraint is incompatible"),
        ("us-east-2", place("EU"), "IllegalLocationConstraintException", "The EU location constraint is incompatible"),
    ],
)
def test_a_bucket_is_not_wanted_here(region: str, body: bytes, code: str, why: str) -> None:
    """Codes and words as recorded of AWS."""
    with pytest.raises(S3Error, match=why) as refused:
        check_place(body, region)
    assert (refused.value.code, refused.value.status) == (code, 400)
