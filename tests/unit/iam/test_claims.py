"""What requests claim; changes to each part of a claim are in test_sigv4.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam import claims
from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.claims import Request, Where

LAMBDA = Where("us-east-1", "lambda")
SCOPE = "AKIAIOSFODNN7EXAMPLE/20261126/us-east-1/lambda/aws4_request"
SIGNATURE = "0123456789abcdef" * 4


def headed(authorization: str, *more: tuple[str, str]) -> Request:
    return Request("GET", "/", "", [("host", "h"), ("x-amz-date", "20261126T000000Z"), ("authorization", authorization), *more])


@pytest.mark.parametrize("comma", [",", ", ", " ,  "])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_the_fields_come_in_any_order_with_or_without_spaces(comma: str, order: tuple[int, ...]) -> None:
    fields = (f"Credential={SCOPE}", "SignedHeaders=host;x-amz-date", f"Signature={SIGNATURE}")
    found = claims.read(headed("AWS4-HMAC-SHA256 " + comma.join(fields[index] for index in order)), LAMBDA)
    assert (found.form, found.key_id, found.day, found.signature) == ("header", "AKIAIOSFODNN7EXAMPLE", "20261126", SIGNATURE)
    assert found.scope == "20261126/us-east-1/lambda/aws4_request"
    assert found.headers == ("host", "x-amz-date")
    assert found.token == ""


def test_a_field_that_is_missing_is_named() -> None:
    with pytest.raises(AuthFailure) as caught:
        claims.read(headed(f"AWS4-HMAC-SHA256 Credential={SCOPE}"), LAMBDA)
    assert caught.value.told("json") == (
        403,
        "IncompleteSignatureException",
        "Authorization header requires 'SignedHeaders' parameter. Authorization header requires 'Signature' parameter.",
    )


def test_a_credential_of_a_url_that_is_none_is_told_by_its_parameter() -> None:
    """As recorded of AWS."""
    told = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
    query = f"X-Amz-Algorithm={claims.ALGORITHM}&X-Amz-Credential=x%252Fy&X-Amz-SignedHeaders=host&X-Amz-Signature={SIGNATURE}"
    with pytest.raises(AuthFailure) as caught:
        claims.read(Request("GET", "/", f"{query}&X-Amz-Date=20261126T000000Z&X-Amz-Expires=60", []), claims.Where("us-east-1", "s3"))
    expected = (400, "AuthorizationQueryParametersError", f"Error parsing the X-Amz-Credential parameter; {told}")
    assert caught.value.told("s3") == expected


def test_what_claims_to_be_signed() -> None:
    assert claims.is_signed(headed("Bearer x"))
    assert claims.is_signed(Request("GET", "/", "X-Amz-Signature=x", []))
    assert not claims.is_signed(Request("GET", "/", "X-Amz-Date=x&X-Amz-Security-Token=y", []))
    assert not claims.is_signed(Request("GET", "/", "a=X-Amz-Signature", []))


@given(st.text(max_size=150))
def test_whatever_stands_in_the_header_is_a_claim_or_an_auth_failure(text: str) -> None:
    for line in (text, f"AWS4-HMAC-SHA256 {text}", f"AWS4-HMAC-SHA256 Credential={text},SignedHeaders=host,Signature={SIGNATURE}"):
        with pytest.raises(AuthFailure) as caught:
            claims.read(headed(line), LAMBDA)
        assert caught.value.flaw in (Flaw.MALFORMED, Flaw.UNKNOWN_TYPE, Flaw.BAD_SCOPE, Flaw.UNSIGNED_HEADERS)


@given(st.text(max_size=30))
def test_an_epoch_is_that_of_a_day_or_none(text: str) -> None:
    assert claims.epoch(text) == -1 or text.endswith("Z")
    assert claims.epoch("20261126T000000Z") == 1_795_651_200
