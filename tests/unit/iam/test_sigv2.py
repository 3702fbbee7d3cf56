"""Presigned URLs in Version 2, as boto3 makes them for endpoints of one's own."""

import pytest
from botocore.auth import HmacV1QueryAuth

from router.iam import sigv2
from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.claims import Request
from tests.helpers.signing import KEY_ID, NOW, SECRET, came, signed

URL = "http://127.0.0.1:4566/b/k%20y%2B"


def presigned(url: str = URL, method: str = "GET", token: str = "", **headers: str) -> Request:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = came(signed(HmacV1QueryAuth, url, method=method, token=token, headers=sent, expires=60), headers=False)
    return request._replace(headers=[*request.headers, *((name.lower(), value) for name, value in sent.items())])


def check(request: Request, now: float = NOW, secret: str = SECRET, bucket: str = "") -> sigv2.Signed:
    assert sigv2.is_signed(request.query)
    found = sigv2.read(request)
    sigv2.check_time(found, now)
    sigv2.verify(request, found, secret, bucket=bucket)
    return found


def flaw(request: Request, now: float = NOW, secret: str = SECRET) -> Flaw:
    with pytest.raises(AuthFailure) as caught:
        check(request, now, secret)
    return caught.value.flaw


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f"{URL}?versionId=a%2Bb",
        f"{URL}?uploads",
        f"{URL}?partNumber=2&uploadId=x",
        f"{URL}?response-content-type=text%2Fplain&other=1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_what_botocore_presigns_is_taken(url: str, method: str) -> None:
    assert check(presigned(url, method)).key_id == KEY_ID


def test_headers_and_a_token_are_signed_too() -> None:
    request = presigned(method="PUT", token="to+ken/=", content_type="image/png", x_amz_acl="private")
    assert check(request).token == "to+ken/="
    for name in ("content-type", "x-amz-acl"):
        changed = request._replace(headers=[(key, "x" if key == name else value) for key, value in request.headers])
        assert flaw(changed) is Flaw.MISMATCH
    assert flaw(request._replace(query=request.query.replace("to%2Bken", "other"))) is Flaw.MISMATCH


def test_every_signed_part_counts() -> None:
    request = presigned(f"{URL}?versionId=1")
    assert flaw(request._replace(method="PUT")) is Flaw.MISMATCH
    assert flaw(request._replace(path="/b/other")) is Flaw.MISMATCH
    assert flaw(request._replace(query=request.query.replace("versionId=1", "versionId=2"))) is Flaw.MISMATCH
    assert flaw(request._replace(query=request.query.replace("Expires=17", "Expires=18"))) is Flaw.MISMATCH
    assert flaw(request._replace(query=request.query + "&acl")) is Flaw.MISMATCH
    assert flaw(request, secret=SECRET + "x") is Flaw.MISMATCH


def test_a_slash_more_is_another_object_but_behind_a_bucket() -> None:
    """boto3 signs /bucket/ for a URL that ends with the bucket."""
    assert check(presigned("http://127.0.0.1:4566/b/")._replace(path="/b"))
    assert flaw(presigned("http://127.0.0.1:4566/b/k/")._replace(path="/b/k")) is Flaw.MISMATCH
    hosted = presigned("http://127.0.0.1:4566/b/k/")._replace(path="/k")
    with pytest.raises(AuthFailure):
        check(hosted, bucket="b")
    with pytest.raises(AuthFailure):  # a listing of bucket k is no object k of another
        check(presigned("http://127.0.0.1:4566/k/")._replace(path="/k"), bucket="b")


def test_a_request_is_signed_in_one_way() -> None:
    request = presigned()
    assert flaw(request._replace(headers=[*request.headers, ("authorization", "AWS x:y")])) is Flaw.AMBIGUOUS
    assert flaw(request._replace(query=f"{request.query}&X-Amz-Signature=x")) is Flaw.AMBIGUOUS


def test_it_expires() -> None:
    assert check(presigned(), NOW + 60)
    assert flaw(presigned(), NOW + 61) is Flaw.EXPIRED


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (f"AWSAccessKeyId={KEY_ID}&Signature=x", Flaw.BAD_OLD_QUERY),
        (f"AWSAccessKeyId={KEY_ID}&Signature=x&Expires=1&Expires=99999999999", Flaw.BAD_OLD_QUERY),
        (f"AWSAccessKeyId={KEY_ID}&Signature=x&Expires=soon", Flaw.BAD_OLD_QUERY),
        (f"AWSAccessKeyId={KEY_ID}&Signature=x&Expires={'9' * 40}", Flaw.BAD_OLD_QUERY),
        ("AWSAccessKeyId=a/b&Signature=x&Expires=9999999999", Flaw.BAD_OLD_QUERY),
        (f"AWSAccessKeyId={KEY_ID}&Signature=%F0%9F%98%80&Expires=9999999999", Flaw.MISMATCH),
        (f"AWSAccessKeyId={KEY_ID}&Signature=x&Expires=9999999999&X-Amz-Date=1", Flaw.AMBIGUOUS),
    ],
)
def test_what_is_no_presigned_url(query: str, told: Flaw) -> None:
    assert flaw(Request("GET", "/b/k", query, [("host", "h")])) is told


def test_a_bucket_in_the_host_is_part_of_the_resource() -> None:
    request = presigned("http://127.0.0.1:4566/b/k")
    assert check(request._replace(path="/k"), bucket="b")
