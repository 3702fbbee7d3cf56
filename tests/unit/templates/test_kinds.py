"""Names that are made of logical ids."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.resources import misnamed_bucket
from router.templates.kinds import KINDS, fitted

LONG = "Reports" * 30


def test_a_long_name_is_cut_the_same_way_each_time() -> None:
    assert fitted("a" * 64, 64) == "a" * 64
    assert fitted("a" * 65, 64) == "a" * 53 + "-f25cd20baf"
    assert fitted("a" * 52 + "--" + "a" * 50, 64).startswith("a" * 52 + "-")


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Serverless::Function", "AWS::IAM::Role", "AWS::Events::Rule"])
def test_two_long_logical_ids_are_two_names(kind: str) -> None:
    one, other = (KINDS[kind].named(f"{LONG}{end}") for end in "AB")
    assert one != other
    assert one[:50] == other[:50]


@given(texts=st.sets(st.text(), min_size=2), longest=st.integers(min_value=16, max_value=128))
def test_names_fit_and_stay_apart(texts: set[str], longest: int) -> None:
    assert all(fitted(text, longest) == text for text in texts if len(text) <= longest)
    assert all(len(fitted(text, longest)) <= longest for text in texts)
    long = {f"{'x' * longest}{text}" for text in texts}
    assert len({fitted(text, longest) for text in long}) == len({text.encode(errors="replace") for text in long})


@given(logical=st.from_regex(r"[A-Za-z0-9]{1,255}", fullmatch=True))
def test_a_bucket_s_name_is_one(logical: str) -> None:
    name = KINDS["AWS::S3::Bucket"].named(logical)
    assert not misnamed_bucket(name) or re.match(r"xn--|sthree-|amzn-s3-demo-", name), name
