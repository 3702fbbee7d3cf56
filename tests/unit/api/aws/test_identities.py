"""The variables in which functions find the endpoint and their credentials."""

import json
from pathlib import Path

import pytest

from router.api.aws.identities import GRACE, PATH, Identities, url_of
from router.config.types import Config, Function
from router.credentials import MASTER, KeyStore
from router.errors import EnvironmentUnavailable
from router.events.http import Request
from router.iam import sessions
from router.iam.auth_errors import AuthFailure
from tests.helpers.clock import VirtualClock

FUNCTION = Function("resize", Path("/code"), "app.handler", role="resizer")


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def identities(store: KeyStore, clock: VirtualClock) -> Identities:
    made = Identities(store, clock)
    made.url = "http://127.0.0.1:4566"
    return made


def session_of(store: KeyStore, said: dict[str, str], now: float) -> sessions.Session:
    found, secret = sessions.opened(store.masters(), said["AccessKeyId"], said["Token"], now)
    assert secret == said["SecretAccessKey"]
    return found


def ask(identities: Identities, token: str, method: str = "GET") -> tuple[int, dict[str, str]]:
    answer = identities.serve(Request(method, PATH, [("authorization", token)]))
    assert isinstance(answer.body, bytes)
    return answer.status, json.loads(answer.body)


def test_credentials_are_of_the_functions_role_and_new_each_time(identities: Identities, store: KeyStore, clock: VirtualClock) -> None:
    first, second = identities.variables(FUNCTION), identities.variables(FUNCTION)
    assert first["AWS_ACCESS_KEY_ID"] != second["AWS_ACCESS_KEY_ID"]
    found, secret = sessions.opened(store.masters(), first["AWS_ACCESS_KEY_ID"], first["AWS_SESSION_TOKEN"], clock.now())
    assert (found.role, found.name, secret) == ("resizer", "resize", first["AWS_SECRET_ACCESS_KEY"])
    assert found.expires - clock.now() == sessions.LIFETIME
    assert first["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


def test_without_an_endpoint_there_is_nothing(identities: Identities) -> None:
    identities.url = ""
    assert identities.variables(FUNCTION) == {}


def test_snapshots_get_a_token_whose_credentials_end_soon(identities: Identities, store: KeyStore, clock: VirtualClock) -> None:
    function = Function("snap", Path("/code"), "app.handler", role="resizer", snap_start=True)
    said = identities.variables(function)
    assert said.keys() == {"AWS_ENDPOINT_URL", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"}
    token = said["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    assert identities.variables(function)["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == token
    status, made = ask(identities, token)
    assert status == 200
    assert session_of(store, made, clock.now()).role == "resizer"
    with pytest.raises(AuthFailure):
        session_of(store, made, clock.now() + 3600.0)
    other = Function("snap", Path("/code"), "app.handler", role="writer", snap_start=True)
    changed = identities.variables(other)["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    assert changed != token
    assert session_of(store, ask(identities, changed)[1], clock.now()).role == "writer"
    assert session_of(store, ask(identities, token)[1], clock.now()).role == "resizer", "of before the change"


def test_what_a_function_fetched_with_ends_with_it_and_with_its_role(identities: Identities, clock: VirtualClock) -> None:
    old, new, version = (Function("snap", Path("/code"), "app.handler", role=role, snap_start=True) for role in ("admin", "none", "other"))
    tokens = [identities.variables(one)["AWS_CONTAINER_AUTHORIZATION_TOKEN"] for one in (old, new, version)]

    def found() -> list[int]:
        return [ask(identities, token)[0] for token in tokens]

    identities.published = lambda: [version]
    identities.adopt(Config(Path("config.yaml"), Path("state"), functions={"snap": new}))
    assert found() == [200, 200, 200], "who is at work still needs them"
    clock.jump(GRACE)
    assert found() == [404, 200, 200]
    identities.adopt(Config(Path("config.yaml"), Path("state"), functions={"snap": old}))
    assert identities.variables(old)["AWS_CONTAINER_AUTHORIZATION_TOKEN"] != tokens[0]
    identities.adopt(Config(Path("config.yaml"), Path("state")))
    clock.jump(GRACE)
    assert found() == [404, 404, 404]


@pytest.mark.parametrize("token", ["", "x", "é\udcff"[:1], "AWS4-HMAC-SHA256 Credential=x"])
def test_nobody_else_fetches_any(identities: Identities, token: str) -> None:
    identities.variables(Function("snap", Path("/code"), "app.handler", snap_start=True))
    status, said = ask(identities, token)
    assert (status, said["code"]) == (404, "CredentialsNotFound")


def test_keys_that_cannot_be_read_start_no_environment(identities: Identities, store: KeyStore, tmp_path: Path) -> None:
    store.master()
    (tmp_path / MASTER).chmod(0o644)
    blind = Identities(KeyStore(tmp_path), VirtualClock())
    blind.url = "http://127.0.0.1:4566"
    with pytest.raises(EnvironmentUnavailable, match="open to other users"):
        blind.variables(FUNCTION)


@pytest.mark.parametrize(
    ("bound", "url"),
    [
        (("127.0.0.1:4566",), "http://127.0.0.1:4566"),
        (("0.0.0.0:80",), "http://127.0.0.1:80"),
        (("[::]:80",), "http://[::1]:80"),
        (("[fe80::1]:80",), "http://[fe80::1]:80"),
        (("unix:/run/x:1",), ""),
        ((), ""),
    ],
)
def test_an_address_that_sdks_can_use(bound: tuple[str, ...], url: str) -> None:
    assert url_of(bound) == url
