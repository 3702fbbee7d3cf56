"""What ARNs name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events import arns

HERE = {"region": "eu-west-1", "account": "123456789012"}
AT = "eu-west-1:123456789012"


@pytest.mark.parametrize(
    ("arn", "found"),
    [
        (f"arn:aws:sqs:{AT}:done", ("queue", "done")),
        (f"arn:aws:lambda:{AT}:function:f", ("function", "f")),
        (f"arn:aws:lambda:{AT}:function:f:PROD", ("function", "f:PROD")),
        (f"arn:aws:events:{AT}:event-bus/shop", ("bus", "shop")),
        (f"arn:aws:sns:{AT}:news", ("topic", "news")),
        ("arn:aws:s3:::results", ("bucket", "results")),
        ("arn:aws:s3:::results/key", None),
        ("arn:aws:sqs:eu-west-1:210987654321:done", None),
        ("arn:aws:sqs:us-east-1:123456789012:done", None),
        (f"arn:aws-cn:sqs:{AT}:done", None),
        (f"arn:aws:events:{AT}:rule/shop", None),
        (f"arn:aws:lambda:{AT}:function:", None),
        (f"arn:aws:ec2:{AT}:instance/i-1", None),
        ("done", None),
        ("", None),
    ],
)
def test_destinations(arn: str, found: tuple[str, str] | None) -> None:
    assert arns.destination(arn, **HERE) == found


@pytest.mark.parametrize(
    ("arn", "found"),
    [
        (f"arn:aws:sqs:{AT}:jobs", ("queue", "jobs")),
        (f"arn:aws:dynamodb:{AT}:table/orders/stream/2016-12-01T00:00:00.000", ("table", "orders")),
        (f"arn:aws:dynamodb:{AT}:table/orders", None),
        (f"arn:aws:kinesis:{AT}:stream/s", None),
        ("arn:aws:sqs:eu-west-1:210987654321:jobs", None),
    ],
)
def test_event_sources(arn: str, found: tuple[str, str] | None) -> None:
    assert arns.event_source(arn, **HERE) == found


@pytest.mark.parametrize(
    ("arn", "name", "passed"),
    [
        ("arn:aws:iam::123456789012:role/worker", "worker", "arn:aws:iam::123456789012:role/worker"),
        ("arn:aws:iam::123456789012:role/mine/worker", "worker", "arn:aws:iam::123456789012:role/worker"),
        ("arn:aws:iam::210987654321:role/worker", "", "arn:aws:iam::210987654321:role/worker"),
        ("arn:aws:iam::123456789012:user/worker", "", "arn:aws:iam::123456789012:user/worker"),
        ("a:b:c:d:123456789012:mine/worker", "", "a:b:c:d:123456789012:mine/worker"),
        ("worker", "", "worker"),
    ],
)
def test_roles(arn: str, name: str, passed: str) -> None:
    assert (arns.role(arn, account="123456789012"), arns.passed(arn)) == (name, passed)


@given(st.text("aw:/role-m.s1", max_size=60))
def test_a_role_that_is_found_is_the_one_that_is_passed(tail: str) -> None:
    arn = f"arn:aws:iam::123456789012:role/{tail}"
    if name := arns.role(arn, account="123456789012"):
        assert arns.passed(arn) == f"arn:aws:iam::123456789012:role/{name}"


@given(st.sampled_from(["queue", "function", "bus", "topic", "bucket"]), st.from_regex(r"[a-z0-9-]{1,30}", fullmatch=True))
def test_what_is_spelled_is_found_again(kind: str, name: str) -> None:
    assert arns.destination(arns.spelled(kind, name, **HERE), **HERE) == (kind, name)


@given(st.text())
def test_any_text_is_an_arn_or_none(text: str) -> None:
    assert arns.destination(text, **HERE) is None or text.startswith("arn:aws")
    assert arns.event_source(text, **HERE) is None or text.startswith("arn:aws")
