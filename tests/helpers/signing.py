"""botocore as the signer: requests as SDKs sign them, and as the daemon gets them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from router.iam.claims import Request

KEY_ID: Final = "AKIAIOSFODNN7EXAMPLE"
SECRET: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW: Final = 1_795_651_200.0  # 2026-11-26T00:00:00Z
REGION: Final = "us-east-1"


def came(request: AWSRequest, *, headers: bool = True) -> Request:
    """A signed request as it comes over the wire. *headers*: with those it was signed with; a presigned URL is used without."""
    url = urlsplit(request.url)
    sent = [("host", url.netloc)]
    if headers:
        sent += [(name.lower(), value) for name, value in request.headers.items() if name.lower() != "host"]
    return Request(request.method, url.path or "/", url.query, sent)


def signed(
    signer: type[auth.BaseSigner],
    url: str,
    *,
    service: str = "lambda",
    method: str = "POST",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    at: float = NOW,
    token: str = "",
    key_id: str = KEY_ID,
    secret: str = SECRET,
    **options: Any,
) -> AWSRequest:
    """A request signed by botocore at a time of ours."""
    request = AWSRequest(method, url, data=body, headers=dict(headers or {}))
    request.auth_path = None
    credentials = Credentials(key_id, secret, token or None)
    moment = datetime.fromtimestamp(at, UTC)
    made = signer(credentials, **options) if signer is auth.HmacV1QueryAuth else signer(credentials, service, REGION, **options)
    with patch.object(auth, "get_current_datetime", lambda *_, **__: moment), patch.object(auth.time, "time", lambda: at):
        made.add_auth(request)
    return request
