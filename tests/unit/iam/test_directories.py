"""What a role allows of a bucket as a whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam import reading
from router.iam.directories import use

ALL = "arn:aws:s3:::uploads/*"
EVERYTHING = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def of(*statements: dict[str, Any]) -> str:
    policy = reading.read({"Version": "2012-10-17", "Statement": list(statements)}, name="role r")
    return use(policy, "uploads", "123456789012")


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("s3:*", "*", "write"),
        ("*", ALL, "write"),
        (["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], ALL, "write"),
        (["s3:GetObject", "s3:PutObject"], ALL, "read"),
        ("s3:Get*", "arn:aws:s3:::up*", "read"),
        (["s3:PutObject", "s3:DeleteObject"], ALL, "hide"),
        ("s3:*", "arn:aws:s3:::uploads", "hide"),
        ("s3:*", "arn:aws:s3:::uploads/in/*", "hide"),
        ("s3:*", "arn:aws:s3:::uploads/?", "hide"),
        ("s3:*", "arn:aws:s3:::uploads/?*", "hide"),
        ("s3:*", "arn:aws:s3:::uploads/" + "?" * 64, "hide"),
        ("s3:*", "arn:aws:s3:::other/*", "hide"),
        ("lambda:InvokeFunction", "*", "hide"),
    ],
)
def test_a_directory_is_as_open_as_the_whole_bucket(action: Any, resource: str, expected: str) -> None:
    assert of({"Effect": "Allow", "Action": action, "Resource": resource}) == expected


@pytest.mark.parametrize(
    "more",
    [
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::uploads/secret/*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"},
        {"Effect": "Deny", "NotAction": "s3:GetObject", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ],
)
def test_a_deny_closes_it(more: dict[str, Any]) -> None:
    assert of(EVERYTHING, more) == "hide"
    assert of(EVERYTHING, {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}) == "write"


def test_a_condition_opens_nothing() -> None:
    assert of(EVERYTHING | {"Condition": {"StringEquals": {"s3:prefix": "in/"}}}) == "hide"
    assert of(EVERYTHING | {"Condition": {"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}) == "hide", "nor one that holds without its key"
    assert of(EVERYTHING | {"Condition": {"BoolIfExists": {"aws:SecureTransport": "true"}}}) == "hide"


def test_all_but_something_opens_nothing() -> None:
    for spared in ("arn:aws:s3:::uploads/secret/*", "arn:aws:s3:::other/*"):
        assert of({"Effect": "Allow", "Action": "s3:*", "NotResource": spared}) == "hide"


@given(st.text("abc/-*?", min_size=1, max_size=6))
def test_part_of_a_bucket_opens_nothing(prefix: str) -> None:
    found = of({"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::uploads/{prefix}x/*"})
    assert found == "hide"
