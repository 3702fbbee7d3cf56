"""What functions call the AWS endpoint with: where it is, and credentials of their role, in every environment's variables.

An environment has credentials of its own, good for longer than it may live (pool.py ends it before). What is forked off a
snapshot would share the snapshot's: functions with snap_start get an address and a token instead, as on AWS, and their
SDKs fetch credentials there, again and again. A function without a role has a session of no role, which may call nothing."""

import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import orjson

from router.clock import Clock
from router.config.types import Config, Function
from router.credentials import KeyStore
from router.errors import EnvironmentUnavailable, JournalError
from router.events.http import Request, Response
from router.iam.sessions import Credentials

PATH: Final = "/2021-04-23/credentials"  # as AWS's
FETCHED: Final = 3600.0  # seconds that fetched credentials are good for; SDKs ask for others a quarter of an hour before
GRACE: Final = 900.0  # seconds for an environment whose function is gone, or has another role: the longest that an invocation takes
_JSON: Final = (("content-type", "application/json"), ("connection", "close"))  # of who is about to be a snapshot no socket may stay


class Identities:
    """The credentials of all execution environments of one daemon."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._tokens: dict[tuple[str, str], str] = {}  # function and role → what its environments fetch credentials with
        self._holders: dict[str, tuple[str, str]] = {}
        self._ended: dict[tuple[str, str], float] = {}  # those whose time is over at that moment
        self.published: Callable[[], Iterable[Function]] = tuple  # versions, each with the role it was published with
        self.url = ""  # of the endpoint, http://127.0.0.1:4566; "" while there is none: then nobody gets credentials either

    def adopt(self, config: Config) -> None:
        """Another config is in force: a function that is gone, or has another role, ends what its environments fetch credentials with."""
        now = self._clock.now()
        functions = (*config.functions.values(), *self.published())
        kept = {(one.name, one.role) for one in functions if one.name in config.functions}
        for holder in [holder for holder, end in self._ended.items() if now >= end]:
            del self._holders[self._tokens.pop(holder)]
        self._ended = {holder: self._ended.get(holder, now + GRACE) for holder in self._tokens if holder not in kept}

    def variables(self, function: Function) -> Mapping[str, str]:
        """What the variables of a new environment say. Raises EnvironmentUnavailable where there are no credentials for it."""
        if not self.url:
            return {}
        url = apart(self.url) if "no_network" in function.require else self.url
        found = {"AWS_ENDPOINT_URL": url}
        if function.snap_start:
            return found | {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}{PATH}",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token(function),
            }
        try:
            return found | self._store.session(function.role, function.name, self._clock.now()).variables()
        except JournalError as error:
            raise EnvironmentUnavailable(f"no credentials for an execution environment: {error}") from error

    def serve(self, request: Request) -> Response:
        """Fresh credentials for whoever has the token of an environment."""
        token = request.header("authorization").encode()
        holder = next((one for known, one in self._holders.items() if hmac.compare_digest(known.encode(), token)), None)
        if holder is None or request.method != "GET" or self._clock.now() >= self._ended.get(holder, float("inf")):
            return _refusal(404, "CredentialsNotFound", "no environment has this token")
        try:
            made = self._fetched(*holder)
        except JournalError:
            return _refusal(500, "InternalServerError", "the keys cannot be read")
        return Response(200, _JSON, orjson.dumps(made.document()))

    def _fetched(self, function: str, role: str) -> Credentials:
        return self._store.session(role, function, self._clock.now(), lifetime=FETCHED)

    def _token(self, function: Function) -> str:
        """Of the function in its role: an environment of before a change keeps its own."""
        holder = (function.name, function.role)
        token = self._tokens.get(holder)
        if token is None:
            token = self._tokens[holder] = secrets.token_urlsafe(32)
            self._holders[token] = holder
        return token


def _refusal(status: int, code: str, message: str) -> Response:
    return Response(status, _JSON, orjson.dumps({"code": code, "message": message}))


def port_of(url: str) -> int:
    """The port of the endpoint; 0 where there is none."""
    return int(url.rpartition(":")[2]) if url else 0


def apart(url: str) -> str:
    """Where a function with a network of its own reaches the endpoint: there is nothing but a loopback in there."""
    return f"http://127.0.0.1:{port_of(url)}"


def url_of(addresses: tuple[str, ...]) -> str:
    """Where functions reach a listener that is bound there: an address, never a name, which SDKs would put a bucket's before.

    "" where they do not: it is off, or a Unix socket."""
    for address in addresses:
        host, _, port = address.rpartition(":")
        if host and port.isdecimal() and not address.startswith("unix:"):
            return f"http://{ {'0.0.0.0': '127.0.0.1', '[::]': '[::1]'}.get(host, host) }:{port}"  # noqa: S104 - is not bound here
    return ""
