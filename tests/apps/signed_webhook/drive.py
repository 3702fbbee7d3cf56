"""A genuine delivery, and a forged one."""

import hashlib
import hmac
import json

from tests.apps.app import App

SECRET = "a-secret-of-the-sender"
OPTIONS = ("--parameter", f"SigningSecret={SECRET}")


def drive(app: App) -> None:
    body = json.dumps({"id": "pay_1", "amount": 1250}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert app.http("POST", "/hooks/payments", body, {"x-signature": signature}).json == {"accepted": "pay_1"}
    assert app.http("POST", "/hooks/payments", body.replace(b"1250", b"9999"), {"x-signature": signature}).status == 401
    app.logged("ReceiverFunction", "payment pay_1 1250")
    assert app.config.stat().st_mode & 0o077 == 0
    assert SECRET not in app.log.read_text()
