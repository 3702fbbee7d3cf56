"""Requests that pages make."""

import pytest

from router.api.aws.s3.cors import opened, preflight
from router.api.aws.s3.errors import S3Error
from router.events.http import Request

ORIGIN = ("origin", "http://localhost:3000")


def asked(*headers: tuple[str, str]) -> Request:
    return Request("OPTIONS", "/bkt/key", headers)


def test_a_preflight_is_told_what_it_asked_for() -> None:
    answer = preflight(
        asked(ORIGIN, ("access-control-request-method", "PUT"), ("access-control-request-headers", "Content-Type, x-amz-date"))
    )
    headers = dict(answer.headers)
    assert (answer.status, headers["access-control-allow-headers"]) == (200, "content-type, x-amz-date")
    assert "PUT" in headers["access-control-allow-methods"].split(", ")
    assert "access-control-allow-headers" not in dict(preflight(asked(ORIGIN, ("access-control-request-method", "GET"))).headers)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ([("access-control-request-method", "PUT")], "BadRequest"),
        ([ORIGIN], "AccessForbidden"),
        ([ORIGIN, ("access-control-request-method", "PATCH")], "AccessForbidden"),
        ([ORIGIN, ("access-control-request-method", "PUT"), ("access-control-request-headers", "a b")], "AccessForbidden"),
        ([ORIGIN, ("access-control-request-method", "PUT"), ("access-control-request-headers", "a" * 5000)], "AccessForbidden"),
    ],
)
def test_what_is_no_preflight(headers: list[tuple[str, str]], told: str) -> None:
    with pytest.raises(S3Error) as caught:
        preflight(asked(*headers))
    assert caught.value.code == told


def test_answers_are_opened_for_pages_alone() -> None:
    assert opened(asked()) == []
    assert dict(opened(asked(ORIGIN)))["access-control-allow-origin"] == "*"
