"""Names of Lambda's resources, and pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.lambda_.place import Place, identity, page
from router.api.aws.service import AwsError

PLACE = Place("us-east-1", "123456789012")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


@pytest.mark.parametrize(
    ("name", "qualifier", "resource"),
    [
        ("f", "", ARN),
        ("f", "PROD", f"{ARN}:PROD"),
        ("f:1", "", f"{ARN}:1"),
        ("function:f", "", ARN),
        ("210987654321:function:f", "", ARN.replace("123456789012", "210987654321")),
        (ARN, "", ARN),
        (ARN.replace("us-east-1", "eu-west-1"), "", ARN.replace("us-east-1", "eu-west-1")),
        ("no function", "", "*"),
        ("", "", "*"),
    ],
)
def test_what_a_request_is_about(name: str, qualifier: str, resource: str) -> None:
    assert PLACE.resource({"FunctionName": name, "Qualifier": qualifier}) == resource


def test_targets_and_arns() -> None:
    assert PLACE.target(PLACE.arn("f", "PROD")) == "f:PROD"
    assert PLACE.target(ARN.replace("us-east-1", "eu-west-1")) == ""
    assert PLACE.layer_arn("l", 2) == "arn:aws:lambda:us-east-1:123456789012:layer:l:2"
    assert PLACE.role_arn("") == ""


@given(st.integers(0, 120), st.integers(1, 60), st.integers(1, 50))
def test_pages_come_to_an_end_and_leave_nothing_out(count: int, size: int, limit: int) -> None:
    rows, found, marker = list(range(count)), [], ""
    while True:
        got = page(rows, {"Marker": marker, "MaxItems": size}, key="Rows", limit=limit, order="{:03}".format)
        assert len(got["Rows"]) <= min(size, limit)
        found += got["Rows"]
        if "NextMarker" not in got:
            break
        marker = got["NextMarker"]
    assert found == rows


def test_who_deletes_what_a_page_shows_is_shown_the_rest() -> None:
    rows, seen, marker = ["e", "a", "d", "c", "b"], [], ""
    while rows:
        got = page(rows, {"Marker": marker, "MaxItems": 2}, key="Rows", limit=50, order=str)
        seen += got["Rows"]
        rows, marker = [row for row in rows if row not in got["Rows"]], got.get("NextMarker", "")
    assert seen == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("marker", ["-1", "x", "9" * 20, "1.5", "²", "YWZ0ZXI=", "gICA"])
def test_a_marker_that_nobody_gave_is_refused(marker: str) -> None:
    with pytest.raises(AwsError, match="Invalid pagination token"):
        page([1], {"Marker": marker}, key="Rows", limit=1, order=str)


@given(st.lists(st.text()), st.lists(st.text()))
def test_ids_follow_from_what_they_name(one: list[str], other: list[str]) -> None:
    assert (identity(*one) == identity(*other)) == ("\0".join(one) == "\0".join(other))
