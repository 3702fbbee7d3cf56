"""What the load generator asks for; whom it asks is tried by the bench itself."""

from bench.client import Caller, Plan


def test_a_request_is_whole() -> None:
    (request,) = Plan("127.0.0.1:1", ("/echo",), 1, 1.0, 20, {"X-Kind": "Event"}).requests()
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /echo HTTP/1.1\r\n")
    assert b"\r\nContent-Length: 20\r\n" in head
    assert head.endswith(b"\r\nX-Kind: Event")
    assert body == b'"' + b"x" * 18 + b'"'


class Wire:
    """A transport that remembers."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True


class Conversation:
    """A caller and its wire."""

    def __init__(self, until: float) -> None:
        self.times: list[float] = []
        self.failures: list[str] = []
        self.wire = Wire()
        self.caller = Caller([b"one", b"two"], until, self.times, self.failures)
        self.caller.connection_made(self.wire)  # type: ignore[arg-type]


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


async def test_the_next_request_follows_a_whole_answer_and_not_before() -> None:
    talk = Conversation(until=float("inf"))
    for piece in (OK[:10], OK[10:-1]):
        talk.caller.data_received(piece)
        assert talk.wire.sent == [b"one"]
    talk.caller.data_received(OK[-1:])
    assert talk.wire.sent == [b"one", b"two"]
    assert len(talk.times) == 1
    assert talk.failures == []


async def test_an_answer_without_a_body_is_whole_too() -> None:
    talk = Conversation(until=float("inf"))
    talk.caller.data_received(b"HTTP/1.1 202 Accepted\r\n\r\n")
    assert len(talk.times) == 1


async def test_after_the_end_no_more_is_asked() -> None:
    talk = Conversation(until=0.0)
    talk.caller.data_received(OK)
    talk.caller.connection_lost(None)
    assert (talk.wire.sent, talk.wire.closed, talk.failures) == ([b"one"], True, [])
    assert talk.caller.done.done()


async def test_another_status_is_a_failure_with_its_name() -> None:
    talk = Conversation(until=float("inf"))
    talk.caller.data_received(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
    assert talk.failures == ["HTTP/1.1 502 Bad Gateway"]


async def test_a_connection_that_ends_early_is_a_failure() -> None:
    talk = Conversation(until=float("inf"))
    talk.caller.connection_lost(ConnectionResetError("reset"))
    assert talk.failures == ["the connection ended early: reset"]
    assert talk.caller.done.done()
