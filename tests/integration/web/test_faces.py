"""Every HTTP face of a whole daemon over real sockets: what goes in comes out byte for byte, up to the limits and not a byte beyond."""

import contextlib
import hashlib
import http.client
import json
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from router.model import SYNC_LIMIT
from tests.helpers.house import House, free_port

HANDLERS: Final = '''
import base64, hashlib, json

def read(event):
    body = event.get("body") or ""
    return base64.b64decode(body) if event["isBase64Encoded"] else body.encode()

def answered(event, headers, body, encoded):
    """In the words of the event's own gateway: load balancers in multi-value mode read one map only."""
    multi = "multiValueHeaders" in event and "headers" not in event
    kept = {"multiValueHeaders": {name: [value] for name, value in headers.items()}} if multi else {"headers": headers}
    return {"statusCode": 200, **kept, "body": body, "isBase64Encoded": encoded}

def echo(event, context):
    return answered(event, {"Content-Type": "application/json"}, json.dumps(event), False)

def mirror(event, context):
    data = read(event)
    headers = {"Content-Type": "application/octet-stream", "X-Sha": hashlib.sha256(data).hexdigest()}
    return answered(event, headers, base64.b64encode(data).decode(), True)

def large(event, context):
    return answered(event, {"Content-Type": "text/plain"}, "x" * int(read(event)), False)

def told(event, context):
    """The answer that the request's body spells out."""
    return json.loads(read(event))

def fail(event, context):
    raise ValueError("secret")
'''
FACES: Final = {  # face → what its triggers say besides the route
    "http": "",
    "http1": ', payload_format_version: "1.0"',
    "rest": ', api: rest, binary_media_types: ["*/*"]',
    "alb": ", api: alb",
    "albmulti": ", api: alb, multi_value: true",
}
FUNCTIONS: Final = ("echo", "mirror", "large", "told", "fail")
FAILED: Final = {"http": 500, "http1": 500, "rest": 502, "alb": 502, "albmulti": 502, "url": 502}
LIMIT: Final = {"alb": 1024 * 1024, "albmulti": 1024 * 1024}
ALL: Final = (*FACES, "url")
AROUND: Final = 4096  # bytes; the event around a body is smaller than this

every_face = pytest.mark.parametrize("face", ALL)
pytestmark = pytest.mark.timeout(60)


class Answer(NamedTuple):
    """What a client got."""

    status: int
    headers: list[tuple[str, str]]  # names as they were sent
    body: bytes

    def header(self, name: str) -> list[str]:
        """The values of all lines of this name."""
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Faces(House):
    """A daemon with every function behind every face: /FACE/FUNCTION/…, and /_url/FUNCTION/…."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        (directory / "code").mkdir()
        (directory / "code/app.py").write_text(HANDLERS)
        lines = [f'version: 1\nstate: ./state\nlisten: {{http: "127.0.0.1:{self.port}", aws: "off", console: "off"}}\nfunctions:']
        for name in FUNCTIONS:
            routes = [f'{{http: {{route: "ANY /{face}/{name}/{{path+}}"{more}}}}}' for face, more in FACES.items()]
            lines.append(f"  {name}: {{code: ./code, handler: app.{name}, timeout: 30, triggers: [{', '.join([*routes, '{url: none}'])}]}}")
        lines.append('  later: {code: ./code, handler: app.echo, triggers: [{http: {route: "POST /later", invoke: async}}]}')
        super().__init__(directory, "\n".join(lines) + "\n")

    def connect(self) -> http.client.HTTPConnection:
        """A connection to the http listener."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def dial(self) -> socket.socket:
        """The same without a client in between."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faces]:
    with Faces(tmp_path_factory.mktemp("faces")) as house:
        house.start()
        assert house.ready(), house.log.read_text()
        assert house.until(lambda: house.get("/status")["ready"], 10)
        yield house
        assert house.stop() == 0


@pytest.fixture
def client(faces: Faces) -> Iterator[http.client.HTTPConnection]:
    with contextlib.closing(faces.connect()) as connection:
        yield connection


def place(face: str, function: str, path: str = "/x") -> str:
    return f"/_url/{function}{path}" if face == "url" else f"/{face}/{function}{path}"


def ask(
    connection: http.client.HTTPConnection, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None
) -> Answer:
    connection.request(method, target, body, headers or {}, encode_chunked=not isinstance(body, bytes | None))
    answer = connection.getresponse()
    return Answer(answer.status, answer.getheaders(), answer.read())


def read_head(stream: Any) -> tuple[int, list[tuple[str, str]]]:
    """Status and headers, names as they stand on the wire."""
    status = int(stream.readline().split()[1])
    lines = iter(lambda: stream.readline().decode().rstrip("\r\n"), "")
    return status, [(name, value) for name, _, value in (line.partition(": ") for line in lines)]


def spoken(faces: Faces, target: str, headers: Sequence[str], method: str = "GET", body: bytes = b"") -> Answer:
    """A request written by hand, so that no client canonicalises anything."""
    with faces.dial() as caller, caller.makefile("rb") as stream:
        head = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers, f"Content-Length: {len(body)}", "", ""]
        caller.sendall("\r\n".join(head).encode() + body)
        status, found = read_head(stream)
        length = next(int(value) for name, value in found if name.lower() == "content-length")
        return Answer(status, found, b"" if method == "HEAD" else stream.read(length))


# -- bytes


def most(face: str) -> int:
    """How many bytes go in as base64 beside the rest of the event, and come out beside the rest of the answer."""
    return (LIMIT.get(face, SYNC_LIMIT) - AROUND) * 3 // 4


@every_face
def test_bytes_go_up_and_come_down_unharmed_at_the_limit(client: http.client.HTTPConnection, face: str) -> None:
    body = os.urandom(most(face))
    answer = ask(client, "PUT", place(face, "mirror"), body, {"Content-Type": "image/png", "Accept": "image/png"})
    assert (answer.status, answer.header("content-type")) == (200, ["application/octet-stream"])
    assert answer.header("x-sha") == [hashlib.sha256(body).hexdigest()]
    assert answer.body == body


@every_face
def test_every_byte_there_is_and_none_at_all(client: http.client.HTTPConnection, face: str) -> None:
    for media in ("text/plain", "application/json", "application/x-www-form-urlencoded", "application/octet-stream"):
        for body in (bytes(range(256)), b"", "gr\u00fc\u00dfe".encode()):
            assert ask(client, "POST", place(face, "mirror"), body, {"Content-Type": media}).body == body
    pieces = [os.urandom(1000), b"x", os.urandom(70_000)]
    assert ask(client, "POST", place(face, "mirror"), iter(pieces)).body == b"".join(pieces)


@every_face
def test_beyond_the_limit_is_413_and_the_connection_goes_on(client: http.client.HTTPConnection, face: str) -> None:
    over = LIMIT.get(face, SYNC_LIMIT) * 3 // 4 + 1
    answer = ask(client, "PUT", place(face, "mirror"), bytes(over), {"Content-Type": "image/png"})
    assert answer.status == 413
    assert ask(client, "GET", place(face, "echo")).status == 200


@every_face
def test_an_answer_beyond_the_limit_is_a_failure(client: http.client.HTTPConnection, face: str) -> None:
    limit = LIMIT.get(face, SYNC_LIMIT)
    typed = {"Content-Type": "text/plain"}
    fits = ask(client, "POST", place(face, "large"), str(limit - 200).encode(), typed)
    assert (fits.status, len(fits.body)) == (200, limit - 200)
    assert ask(client, "POST", place(face, "large"), str(limit + 200).encode(), typed).status == FAILED[face]
    assert ask(client, "GET", place(face, "echo")).status == 200


def test_a_body_that_no_face_takes_is_refused_before_it_is_read(faces: Faces) -> None:
    with faces.dial() as caller, caller.makefile("rb") as stream:
        caller.sendall(f"POST {place('http', 'echo')} HTTP/1.1\r\nHost: a\r\nContent-Length: {SYNC_LIMIT + 1}\r\n\r\n".encode())
        status, headers = read_head(stream)
        assert (status, dict(headers)["connection"]) == (413, "close")


# -- facts


@every_face
def test_names_and_paths_and_cookies_as_each_face_has_them(faces: Faces, face: str) -> None:
    target = place(face, "echo", "/gr%C3%BC%C3%9Fe/a%2Fb//c/?q=%C3%BC+x&q=2&%26=")
    sent = ["tEsT-HEADeR: aValUE", "x-two: 1", "X-Two: 2", "Cookie: a=1; b=2", "Cookie: c=3", "aCCept: */*"]
    event = spoken(faces, target, sent).json
    raw, decoded = target.partition("?")[0], f"/{face}/echo/gr\u00fc\u00dfe/a/b//c/"
    paths = {"http": decoded, "http1": decoded, "rest": raw, "alb": raw, "albmulti": raw, "url": raw.removeprefix("/_url/echo")}
    assert event.get("rawPath", event.get("path")) == paths[face]
    many = event.get("multiValueHeaders") or {name: [value] for name, value in event["headers"].items()}
    cookies = {"http": None, "url": ["a=1; b=2; c=3"], "alb": ["c=3"]}
    if face in ("http", "url"):
        assert event["cookies"] == ["a=1", "b=2", "c=3"]
        assert (many["test-header"], many["x-two"]) == (["aValUE"], ["1,2"])
        assert event["queryStringParameters"] == {"q": "\u00fc x,2", "&": ""}
    elif face.startswith("alb"):
        assert (many["test-header"], many["x-two"]) == (["aValUE"], ["2"] if face == "alb" else ["1", "2"])
        query = event.get("queryStringParameters") or {
            name: values[-1] for name, values in event["multiValueQueryStringParameters"].items()
        }
        assert query == {"q": "2", "%26": ""}
    else:
        assert (many["tEsT-HEADeR"], many["x-two"]) == (["aValUE"], ["1", "2"])
        assert ("Accept" in many) is (face == "rest")
        assert event["multiValueQueryStringParameters"] == {"q": ["\u00fc x", "2"], "&": [""]}
    lines = next((values for name, values in many.items() if name.lower() == "cookie"), None)
    assert lines == cookies.get(face, ["a=1; b=2", "c=3"])
    if face not in ("alb", "albmulti", "url"):
        rest = raw.removeprefix("/rest/echo/").strip("/") if face == "rest" else decoded.removeprefix(f"/{face}/echo/")
        assert event["pathParameters"] == {"path": rest}


ANSWERS: Final = {
    "http": {"headers": {"X-CaSe": "1"}, "cookies": ["a=1; Path=/", "b=2"]},
    "http1": {"headers": {"X-CaSe": "1"}, "multiValueHeaders": {"Set-Cookie": ["a=1; Path=/", "b=2"]}},
    "alb": {"headers": {"X-CaSe": "1", "set-cookie": "a=1; Path=/", "Set-cookie": "b=2"}},
    "albmulti": {"multiValueHeaders": {"X-CaSe": ["1"], "Set-Cookie": ["a=1; Path=/", "b=2"]}},
}
ANSWERS |= {"url": ANSWERS["http"], "rest": ANSWERS["http1"]}


@every_face
def test_an_answers_names_stay_and_each_cookie_is_a_line(faces: Faces, face: str) -> None:
    body = json.dumps({"statusCode": 201, "body": "gr\u00fc\u00dfe", **ANSWERS[face]}).encode()
    answer = spoken(faces, place(face, "told"), ["Content-Type: application/json"], "POST", body)
    assert (answer.status, answer.body) == (201, "gr\u00fc\u00dfe".encode())
    assert "X-CaSe" in [name for name, _ in answer.headers]
    assert answer.header("set-cookie") == ["a=1; Path=/", "b=2"]
    ids = {"http": "apigw-requestid", "http1": "apigw-requestid", "rest": "x-amz-apigw-id", "url": "x-amzn-requestid"}
    assert bool(answer.header(ids.get(face, "server")))


@every_face
def test_head_has_the_length_and_no_body(faces: Faces, client: http.client.HTTPConnection, face: str) -> None:
    answer = spoken(faces, place(face, "echo"), [], "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.header("content-length")[0]) > 100
    assert ask(client, "HEAD", place(face, "echo")).status == ask(client, "GET", place(face, "echo")).status == 200


# -- conversations


@every_face
def test_a_client_that_waits_is_told_to_go_on(faces: Faces, face: str) -> None:
    with faces.dial() as caller, caller.makefile("rb") as stream:
        head = f"POST {place(face, 'mirror')} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n"
        caller.sendall(f"{head}Content-Type: text/plain\r\n\r\n".encode())
        assert read_head(stream) == (100, [])
        caller.sendall(b"hello")
        status, headers = read_head(stream)
        assert (status, stream.read(int(dict(headers)["content-length"]))) == (200, b"hello")


def test_a_client_that_waits_with_too_much_is_told_at_once(faces: Faces) -> None:
    with faces.dial() as caller, caller.makefile("rb") as stream:
        head = f"POST {place('rest', 'mirror')} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {SYNC_LIMIT + 1}\r\n\r\n"
        caller.sendall(head.encode())
        assert read_head(stream)[0] == 413
        assert len(stream.read()) > 0
        assert stream.read() == b""


def in_mode(face: str, headers: dict[str, str]) -> dict[str, Any]:
    """Headers in the map that this face reads."""
    return {"multiValueHeaders": {name: [value] for name, value in headers.items()}} if face == "albmulti" else {"headers": headers}


@every_face
def test_a_connection_survives_what_a_function_does(client: http.client.HTTPConnection, face: str) -> None:
    client.connect()
    kept = client.sock
    assert ask(client, "GET", place(face, "fail")).status == FAILED[face]
    split = {"a": "b\r\nc: d"}
    for result in (
        {"statusCode": 99},
        {"statusCode": 200, **in_mode(face, split)},
        {"statusCode": 200, "headers": 1, "multiValueHeaders": 1},
    ):
        answer = ask(client, "POST", place(face, "told"), json.dumps(result).encode(), {"Content-Type": "application/json"})
        assert answer.status == FAILED[face]
        assert b"secret" not in answer.body
    smuggled = {"Transfer-Encoding": "chunked", "Connection": "close", "Content-Length": "3"}
    result = {"statusCode": 200, "body": "0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", **in_mode(face, smuggled)}
    answer = ask(client, "POST", place(face, "told"), json.dumps(result).encode(), {"Content-Type": "application/json"})
    assert (answer.status, answer.body) == (200, result["body"].encode())  # type: ignore[attr-defined]
    assert ask(client, "GET", f"/nowhere/{face}").status == 404
    assert ask(client, "GET", place(face, "echo")).status == 200
    assert client.sock is kept


# -- places


def test_a_function_url_by_its_host(faces: Faces, client: http.client.HTTPConnection) -> None:
    for host, status in (("echo.lambda-url.us-east-1.localhost", 200), ("nobody.lambda-url.us-east-1.localhost", 403)):
        answer = ask(client, "GET", "/_url/mirror/x", headers={"Host": f"{host}:{faces.port}"})
        assert answer.status == status
        if status == 200:
            assert (answer.json["rawPath"], answer.json["requestContext"]["domainName"]) == ("/_url/mirror/x", host)
            assert answer.header("x-amzn-requestid") == [answer.json["requestContext"]["requestId"]]
        else:
            assert answer.header("x-amzn-errortype") == ["AccessDeniedException"]
    assert ask(client, "GET", "/_url/nobody/x").status == 403


def test_an_accepted_request_is_an_event_that_runs(faces: Faces, client: http.client.HTTPConnection) -> None:
    answer = ask(client, "POST", "/later", b'{"n": 1}', {"Content-Type": "application/json"})
    request_id = answer.json["requestId"]
    assert (answer.status, answer.header("x-amzn-requestid"), bool(answer.header("apigw-requestid"))) == (202, [request_id], True)
    assert faces.until(lambda: faces.get(f"/events/{request_id}")["event"]["state"] == "succeeded", 10)
    assert ask(client, "POST", "/later", bytes(1024 * 1024), {"Content-Type": "text/plain"}).status == 413
