"""What tags a resource may have."""

import pytest

from router.api.aws.lambda_.tagging import MOST, given
from router.api.aws.service import AwsError


def numbered(first: int, count: int) -> dict[str, str]:
    return {f"k{number}": "v" for number in range(first, first + count)}


def test_what_is_given_goes_beside_what_there_was() -> None:
    assert given(None) == given({}) == {}
    assert given({"a": "2", "b": ""}, {"a": "1", "c": "3"}) == {"a": "2", "b": "", "c": "3"}


def test_as_many_as_a_resource_may_have_and_no_more() -> None:
    assert len(given(numbered(1, MOST))) == MOST == 50
    assert len(given({"k1": "again"}, numbered(1, MOST))) == MOST
    for tags, before in ((numbered(1, MOST + 1), {}), (numbered(MOST + 1, 1), numbered(1, MOST))):
        with pytest.raises(AwsError, match="Number of tags exceeds"):
            given(tags, before)


@pytest.mark.parametrize(
    ("key", "value", "said"), [("aws:x", "", "aws:"), ("AWS:x", "", "aws:"), ("", "", "1 to 128"), ("k" * 129, "", "1 to 128")]
)
def test_keys_that_are_refused(key: str, value: str, said: str) -> None:
    with pytest.raises(AwsError, match=said) as raised:
        given({key: value})
    assert raised.value.code == "InvalidParameterValueException"


def test_the_longest_key_and_value() -> None:
    longest = {"k" * 128: "v" * 256, "awsome": "x"}
    assert given(longest) == longest
    with pytest.raises(AwsError, match="at most 256"):
        given({"k": "v" * 257})
