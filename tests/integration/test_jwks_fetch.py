"""Keys over HTTP: what an issuer's server may do, and what it may not."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from joserfc.jwk import ECKey

from router.events.http import Request, Response
from router.sources import http_jwks
from router.sources.http_jwks import AtUrl, NoKeys, fetched, keys_in
from router.web import Limits
from tests.helpers.house import free_port
from tests.helpers.issuer import Issuer, key_set
from tests.helpers.wire import Served

EC = ECKey.generate_key("P-256", {"kid": "ec"})
KEYS = json.dumps(key_set(EC)).encode()


@pytest.fixture
async def server() -> AsyncIterator[Served]:
    serving = Served(Limits())
    await serving.listener.start()
    task = asyncio.create_task(serving.listener.serve(serving.stop))
    yield serving
    serving.stop.set()
    await task


def answering(response: Callable[[], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return response()

    return answer


async def test_an_issuer_found_by_its_configuration() -> None:
    with Issuer(EC) as issuer:
        place = AtUrl(fetched, issuer=issuer.url)
        assert keys_in(await place.load()).keys() == {"ec"}
        assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_what_an_issuer_is_asked(server: Served) -> None:
    server.answers["/keys"] = answering(lambda: Response(200, [("content-type", "application/json")], KEYS))
    assert await fetched(f"http://127.0.0.1:{server.port}/keys?p=1") == KEYS
    (request,) = server.requests
    assert (request.method, request.target, request.header("accept")) == ("GET", "/keys?p=1", "application/json")


async def test_a_body_of_unknown_length_is_read_to_its_end(server: Served) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for index in range(0, len(KEYS), 10):
            yield KEYS[index : index + 10]

    server.answers["/keys"] = answering(lambda: Response(200, [], parts()))
    assert await fetched(f"http://127.0.0.1:{server.port}/keys") == KEYS


async def test_a_body_without_end_is_cut(server: Served) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65536

    server.answers["/keys"] = answering(lambda: Response(200, [], endless()))
    body = await fetched(f"http://127.0.0.1:{server.port}/keys")
    assert http_jwks.KEYS_LIMIT < len(body) < 2 * http_jwks.KEYS_LIMIT
    with pytest.raises(NoKeys, match="more than 256 KB"):
        keys_in(body)


@pytest.mark.parametrize("status", [204, 301, 302, 307, 401, 404, 500, 503])
async def test_only_a_200_has_keys_and_no_redirect_is_followed(server: Served, status: int) -> None:
    server.answers["/keys"] = answering(lambda: Response(status, [("location", "/elsewhere")], b"" if status == 204 else KEYS))
    server.answers["/elsewhere"] = answering(lambda: Response(200, [], KEYS))
    with pytest.raises(NoKeys, match=f"answered {status}"):
        await fetched(f"http://127.0.0.1:{server.port}/keys")
    assert len(server.requests) == 1


async def test_who_does_not_answer_is_given_up(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: Request) -> Response:
        await server.stop.wait()
        return Response(200)

    monkeypatch.setattr(http_jwks, "TIMEOUT", 0.2)
    server.answers["/keys"] = never
    with pytest.raises(NoKeys, match=r"no answer within 0\.2 s"):
        await fetched(f"http://127.0.0.1:{server.port}/keys")


async def test_nobody_there() -> None:
    with pytest.raises(NoKeys, match=r"http://127\.0\.0\.1"):
        await fetched(f"http://127.0.0.1:{free_port()}/keys")


async def test_what_is_no_tls_is_no_issuer(server: Served) -> None:
    with pytest.raises(NoKeys, match=r"https://127\.0\.0\.1"):
        await fetched(f"https://127.0.0.1:{server.port}/keys")
