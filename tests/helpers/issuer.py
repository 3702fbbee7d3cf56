"""An OpenID issuer on a free loopback port: its configuration, its keys, and tokens that it signs."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

Key = RSAKey | ECKey


class Issuer:
    """Serves until closed; *keys* may be changed while it does."""

    def __init__(self, *keys: Key) -> None:
        self.keys = list(keys)
        self.asked: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                page = issuer.page(self.path)
                self.send_response(404 if page is None else 200)
                body = json.dumps(page).encode()
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def page(self, path: str) -> Any:
        """What is at a path; None: nothing."""
        pages: dict[str, Any] = {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": key_set(*self.keys),
        }
        return pages.get(path)

    def token(self, key: Key, algorithm: str = "RS256", **claims: Any) -> str:
        """A token for the audience `api` that is good for ten minutes, unless *claims* say otherwise."""
        now = int(time.time())
        return signed(key, algorithm, {"iss": self.url, "aud": "api", "sub": "me", "iat": now, "exp": now + 600} | claims)


def key_set(*keys: Key) -> dict[str, Any]:
    """The public halves."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def signed(key: Key, algorithm: str, claims: dict[str, Any]) -> str:
    """A token, its key named."""
    return jws.serialize_compact({"alg": algorithm, "kid": key.kid}, json.dumps(claims), key, algorithms=[algorithm])
