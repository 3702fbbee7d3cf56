"""A runtime's conversation, without sockets: calls in, frames out."""

import base64
import json

import orjson
import pytest

from router.events.http import Headers, Response
from router.model import RESPONSE_LIMIT, STREAM_LIMIT
from router.runtime import frames
from router.runtime.api_session import Call, Session
from router.runtime.frames import Frame
from router.runtime.runtime_api import ERROR_BODY, ERROR_TYPE, State
from router.web.heads import Head


class Caller:
    """A connection that remembers."""

    def __init__(self) -> None:
        self.answers: list[Response] = []
        self.held = False

    def answer(self, response: Response) -> None:
        self.answers.append(response)

    def hold(self) -> None:
        self.held = True

    def go_on(self) -> None:
        self.held = False

    @property
    def status(self) -> int:
        return self.answers[-1].status if self.answers else 0


class Runtime:
    """A session and its client."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.now = 1000.0
        self.session = Session(self.frames.append, lambda: self.now, lambda: 42, lambda call: call())

    def open(self, method: str, path: str, headers: Headers = ()) -> tuple[Call, Caller]:
        caller = Caller()
        head = Head(method, f"/2018-06-01/runtime/{path}", "HTTP/1.1", headers, "h", 0, False, False)
        return self.session.call(head, caller), caller

    def ask(self, method: str, path: str, body: bytes = b"", headers: Headers = (), trailers: Headers = ()) -> Caller:
        call, caller = self.open(method, path, headers)
        if body:
            call.feed(body)
        call.end(trailers)
        return caller

    def next(self) -> Caller:
        return self.ask("GET", "invocation/next")

    def invoke(self, request_id: str, *, stream: bool = False) -> None:
        self.session.invoke(orjson.dumps((request_id, "a", 100, "", "", stream)), b'{"n":1}')

    def told(self) -> list[tuple[int, bytes, bytes]]:
        found = [(frame.kind, frame.meta, frame.body) for frame in self.frames]
        self.frames.clear()
        return found


@pytest.fixture
def runtime() -> Runtime:
    made = Runtime()
    made.next()
    assert made.told() == [(frames.READY, b"", b"")]
    return made


def test_the_first_next_is_the_end_of_init_and_waits() -> None:
    runtime = Runtime()
    first = runtime.next()
    assert (runtime.told(), first.answers) == ([(frames.READY, b"", b"")], [])
    runtime.invoke("one")
    (answer,) = first.answers
    assert (answer.status, answer.body, runtime.session.current) == (200, b'{"n":1}', "one")
    assert runtime.ask("POST", "invocation/one/response", b'"done"').status == 202
    assert runtime.told() == [(frames.RESULT, b"", b'"done"')]
    second = runtime.next()
    assert (runtime.told(), second.answers) == ([], [])


def test_an_event_waits_for_the_runtime_and_is_not_taken_before() -> None:
    runtime = Runtime()
    runtime.next()
    runtime.invoke("one")
    runtime.ask("POST", "invocation/one/response")
    runtime.invoke("two")
    assert not runtime.session.taken
    assert runtime.next().status == 200
    assert runtime.session.taken


def test_a_deadline_is_that_of_the_event_however_late_the_runtime_asks() -> None:
    """The invocation's time runs while a runtime has yet to do what it does behind its last answer."""
    runtime = Runtime()
    runtime.next()
    runtime.invoke("one")
    runtime.ask("POST", "invocation/one/response")
    runtime.invoke("two")
    runtime.now += 0.06
    assert dict(runtime.next().answers[0].headers)["Lambda-Runtime-Deadline-Ms"] == "1000100"


def test_a_client_that_left_gets_no_event(runtime: Runtime) -> None:
    call, gone = runtime.open("GET", "invocation/next")
    call.end(())
    runtime.session.left(gone, unread=False)
    runtime.invoke("one")
    assert (gone.answers, runtime.session.taken) == ([], False)
    assert runtime.next().status == 200


@pytest.mark.parametrize("unread", [True, False])
def test_whose_connection_is_reset_has_not_read_its_event(runtime: Runtime, *, unread: bool) -> None:
    runtime.invoke("one")
    assert runtime.ask("POST", "invocation/one/response").status == 202
    caller = runtime.next()
    runtime.invoke("two")
    assert runtime.session.taken
    runtime.session.left(caller, unread=unread)
    assert runtime.session.taken is not unread


def test_a_reset_after_an_answer_has_begun_says_nothing(runtime: Runtime) -> None:
    caller = runtime.next()
    runtime.invoke("one")
    runtime.open("POST", "invocation/one/response")
    runtime.session.left(caller, unread=True)
    assert runtime.session.taken


def test_the_latest_of_two_that_wait_gets_the_event(runtime: Runtime) -> None:
    older, newer = runtime.next(), runtime.next()
    runtime.session.left(older, unread=False)
    runtime.invoke("one")
    assert (older.answers, newer.status) == ([], 200)


def test_double_foreign_and_late_answers_are_refused(runtime: Runtime) -> None:
    assert runtime.ask("POST", "invocation/one/response").status == 400  # before any
    runtime.invoke("one")
    assert runtime.ask("POST", "invocation/two/response").status == 400
    assert runtime.next().status == 403
    assert runtime.ask("POST", "init/error", b"{}").status == 403
    assert runtime.ask("POST", "invocation/one/response", b"1").status == 202
    assert runtime.ask("POST", "invocation/one/response", b"2").status == 400
    assert runtime.ask("POST", "invocation/one/error", b"{}").status == 400
    assert runtime.told() == [(frames.RESULT, b"", b"1")]


def test_an_answer_that_begins_while_another_arrives_is_refused(runtime: Runtime) -> None:
    runtime.invoke("one")
    call, caller = runtime.open("POST", "invocation/one/response")
    call.feed(b"fir")
    assert runtime.ask("POST", "invocation/one/response", b"second").status == 403
    assert runtime.ask("POST", "invocation/one/error", b"{}").status == 403
    call.feed(b"st")
    call.end(())
    assert (caller.status, runtime.told()) == (202, [(frames.RESULT, b"", b"first")])


def test_errors_keep_their_object(runtime: Runtime) -> None:
    runtime.invoke("one")
    body = b'{"errorType":"E","errorMessage":"m"}'
    assert runtime.ask("POST", "invocation/one/error", body).status == 202
    assert runtime.told() == [(frames.ERROR, b"E", body)]
    assert runtime.session.state is State.SENT


def test_an_init_error_ends_everything() -> None:
    runtime = Runtime()
    body = b'{"errorType":"Runtime.ImportModuleError"}'
    assert runtime.ask("POST", "init/error", body).status == 202
    assert runtime.told() == [(frames.INIT_ERROR, b"Runtime.ImportModuleError", body)]
    assert [runtime.next().status, runtime.ask("POST", "init/error", body).status] == [403, 403]
    assert runtime.told() == []


@pytest.mark.parametrize(("size", "status", "kind"), [(RESPONSE_LIMIT, 202, frames.RESULT), (RESPONSE_LIMIT + 1, 413, frames.OVERSIZED)])
def test_a_response_over_the_limit_is_refused_and_the_runtime_goes_on(runtime: Runtime, size: int, status: int, kind: int) -> None:
    runtime.invoke("one")
    call, caller = runtime.open("POST", "invocation/one/response")
    call.feed(b"x" * (size - 1))
    call.feed(b"x")
    call.end(())
    assert (caller.status, [found[0] for found in runtime.told()]) == (status, [kind])
    assert runtime.next().answers == []


def test_a_response_that_is_cut_off_is_an_error(runtime: Runtime) -> None:
    runtime.invoke("one")
    call, _ = runtime.open("POST", "invocation/one/response")
    call.feed(b"{")
    call.lost()
    ((kind, error_type, body),) = runtime.told()
    assert (kind, error_type) == (frames.ERROR, b"Runtime.TruncatedResponse")
    assert json.loads(body)["errorType"] == "Runtime.TruncatedResponse"
    assert runtime.ask("POST", "invocation/one/response").status == 400


def test_a_response_mode_that_is_none(runtime: Runtime) -> None:
    runtime.invoke("one")
    caller = runtime.ask("POST", "invocation/one/response", b"x", (("lambda-runtime-function-response-mode", "STREAMING"),))
    assert (caller.status, json.loads(caller.answers[0].body)["errorType"]) == (400, "InvalidFunctionResponseMode")
    assert [found[:2] for found in runtime.told()] == [(frames.ERROR, b"Runtime.InvalidResponseModeHeader")]


STREAMING: Headers = (("lambda-runtime-function-response-mode", "streaming"), ("content-type", "text/plain"))


def test_a_stream_is_passed_on_as_it_comes(runtime: Runtime) -> None:
    runtime.invoke("one", stream=True)
    call, caller = runtime.open("POST", "invocation/one/response", STREAMING)
    call.feed(b"one")
    assert runtime.told() == [(frames.BEGIN, b"text/plain", b""), (frames.PIECE, b"", b"one")]
    runtime.session.pause()
    assert caller.held
    runtime.session.resume()
    assert not caller.held
    call.feed(b"two")
    call.end(())
    assert (caller.status, runtime.told()) == (202, [(frames.PIECE, b"", b"two"), (frames.END, b"", b"")])
    runtime.session.pause()
    assert not caller.held  # it is over


def test_who_is_held_up_at_the_end_of_its_answer_is_let_go(runtime: Runtime) -> None:
    runtime.invoke("one", stream=True)
    call, caller = runtime.open("POST", "invocation/one/response", STREAMING)
    call.feed(b"one")
    runtime.session.pause()
    call.end(())
    assert not caller.held


def test_a_stream_ends_broken_by_its_trailers(runtime: Runtime) -> None:
    trailers = ((ERROR_TYPE, "E"), (ERROR_BODY, base64.b64encode(b'{"errorType":"E"}').decode()))
    runtime.invoke("one", stream=True)
    runtime.ask("POST", "invocation/one/response", b"x", STREAMING, trailers)
    assert runtime.told()[2:] == [(frames.BROKEN, b"E", b'{"errorType":"E"}')]
    runtime.next()
    runtime.invoke("two")  # nobody asked for a stream: it is collected
    runtime.ask("POST", "invocation/two/response", b"x", STREAMING, trailers)
    assert runtime.told() == [(frames.ERROR, b"E", b'{"errorType":"E"}')]


def test_a_stream_over_the_limit_ends_there(runtime: Runtime) -> None:
    runtime.invoke("one", stream=True)
    call, caller = runtime.open("POST", "invocation/one/response", STREAMING)
    block, size = b"x" * (64 * 1024 * 1024), 0
    for _ in range(4):
        call.feed(block)
        size += sum(len(body) for _, _, body in runtime.told())
    call.end(())
    assert (size, caller.status, runtime.told()) == (STREAM_LIMIT, 413, [(frames.OVERSIZED, b"", b"")])


def test_what_is_no_call_is_answered_once_its_body_is_read(runtime: Runtime) -> None:
    call, caller = runtime.open("POST", "nowhere")
    call.feed(b"x")
    assert caller.answers == []
    call.end(())
    assert caller.status == 404
