"""One runtime's conversation over the Runtime API, told in the frames that environments understand. No sockets here.

Calls arrive piece by piece: a response may be long, and it may be streamed."""

from collections.abc import Callable
from typing import Any, Final, Protocol

import orjson

from router.events.http import Headers, Response
from router.model import RESPONSE_LIMIT, STREAM_LIMIT
from router.runtime import assignment, frames, runtime_api
from router.runtime.frames import Frame
from router.runtime.runtime_api import NEXT, State, Step, Target
from router.web.heads import Head

READY: Final = Frame(frames.READY)


class Caller(Protocol):
    """The connection on which a call came."""

    def answer(self, response: Response) -> None:
        """Answer it; once, now or later."""

    def hold(self) -> None:
        """Take no more of its body."""

    def go_on(self) -> None:
        """Go on after hold()."""


class Front(Protocol):
    """Who takes the calls of a port."""

    def call(self, head: Head, caller: Caller) -> "Call":
        """What a request is: an object that takes its body."""

    def left(self, caller: Caller, *, unread: bool) -> None:
        """The connection is gone; see Session.left()."""


class Call:
    """A call whose body is of no account: it is read, and answered with what was known before."""

    def __init__(self, caller: Caller, response: Response) -> None:
        self._caller, self._response = caller, response

    def feed(self, piece: bytes) -> None:
        """Take some of the body."""

    def end(self, trailers: Headers) -> None:  # noqa: ARG002
        """The body is complete."""
        self._caller.answer(self._response)

    def lost(self) -> None:
        """The body ends before its end."""


class Session:
    """The state of one runtime's process, from its start to its end."""

    def __init__(
        self,
        on_frame: Callable[[Frame], None],
        now: Callable[[], float],
        memory: Callable[[], int],
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        """*now*: epoch seconds; *memory*: the process's high-water mark, KiB; *later*: calls when an exit would have been told."""
        self.on_frame, self._now, self._memory, self._later = on_frame, now, memory, later
        self.state = State.STARTED
        self._waiting: Caller | None = None  # in a `next`
        self._event: tuple[dict[str, Any], bytes] | None = None  # not handed out yet
        self._at = 0.0  # when it came: its time runs since then, however late the runtime asks for it
        self._handed: Caller | None = None  # to whom the last event went
        self._unread = False  # and who certainly has not read it
        self._uploading: Caller | None = None
        self.current = ""  # id of the invocation that awaits its answer
        self.streams = False  # it may be streamed

    @property
    def taken(self) -> bool:
        """Whether the runtime has read the last event; false only when it certainly has not."""
        return self._event is None and not self._unread

    def invoke(self, meta: bytes, payload: bytes) -> None:
        """Hand out an event: to the `next` that waits, or to the one that comes."""
        self._event, self._unread, self._at = (assignment.requested(meta), payload), False, self._now()
        self._hand_out()

    def call(self, head: Head, caller: Caller) -> Call:
        """What a request is: an object that takes its body."""
        call = runtime_api.target(head.method, head.target.partition("?")[0])
        response = call if isinstance(call, Response) else runtime_api.refusal(self.state, call, self.current)
        if response is not None or isinstance(call, Response):
            return Call(caller, response or runtime_api.ACCEPTED)
        if call.step is Step.NEXT:
            return _Next(self, caller)
        if call.step is Step.RESPONSE:
            return self._response(head, caller)
        return _Error(self, caller, head, call)

    def left(self, caller: Caller, *, unread: bool) -> None:
        """The connection is gone, or as good as gone: it may be told more than once. *unread*: its process has certainly not read all
        that was written to it."""
        if self._waiting is caller:
            self._waiting = None
        if self._handed is caller and self.state is State.RUNNING:
            self._unread = self._unread or unread

    def pause(self) -> None:
        """Hold up the response that arrives."""
        if self._uploading is not None:
            self._uploading.hold()

    def resume(self) -> None:
        """Go on after pause()."""
        if self._uploading is not None:
            self._uploading.go_on()

    # -- for calls

    def wait(self, caller: Caller) -> None:
        """A `next`."""
        first = self.state is State.STARTED
        self._change(Step.NEXT)
        self._waiting = caller
        if first:
            self.on_frame(READY._replace(memory=self._memory()))
        self._hand_out()

    def begin(self, step: Step, caller: Caller) -> None:
        """An answer begins to arrive."""
        self._change(step)
        self._uploading = caller

    def tell(self, kind: int, meta: bytes = b"", body: bytes = b"") -> None:
        """A frame for the environment."""
        self.on_frame(Frame(kind, meta, body, 0 if kind in frames.PARTS else self._memory()))

    def done(self, kind: int, meta: bytes = b"", body: bytes = b"") -> None:
        """The answer is complete."""
        self._over()
        self.tell(kind, meta, body)

    def init_failed(self, error_type: str, body: bytes) -> None:
        """An init error."""
        self._change(Step.INIT_ERROR)
        self.tell(frames.INIT_ERROR, error_type.encode(), body)

    def truncated(self) -> None:
        """The answer was cut off: by the end of the process most likely, which then is what happened."""
        error_type = "Runtime.TruncatedResponse"
        message = f"RequestId: {self.current} Error: the runtime's response was cut off"
        error = orjson.dumps({"errorType": error_type, "errorMessage": message})
        self._over()
        self._later(lambda: self.tell(frames.ERROR, error_type.encode(), error))

    def _over(self) -> None:
        self._change(Step.DONE)
        if self._uploading is not None:
            self._uploading.go_on()
        self._uploading, self.current = None, ""

    def _response(self, head: Head, caller: Caller) -> Call:
        mode = runtime_api.named(head.headers, runtime_api.MODE)
        if mode not in {"", "streaming"}:
            error_type = "Runtime.InvalidResponseModeHeader"
            message = f"RequestId: {self.current} Error: the runtime's response mode is neither absent nor streaming"
            self.begin(Step.RESPONSE, caller)
            self.done(frames.ERROR, error_type.encode(), orjson.dumps({"errorType": error_type, "errorMessage": message}))
            return Call(caller, runtime_api.BAD_MODE)
        if mode and self.streams:
            return _Streamed(self, caller, runtime_api.named(head.headers, "content-type") or runtime_api.STREAM)
        return _Buffered(self, caller, runtime_api.named(head.headers, "content-type") if mode else "")

    def _hand_out(self) -> None:
        if self._waiting is None or self._event is None:
            return
        (meta, payload), caller = self._event, self._waiting
        self._event = self._waiting = None
        self._handed = caller
        self._change(Step.INVOKE)
        self.current, self.streams = meta["id"], meta["stream"]
        caller.answer(runtime_api.event(meta, payload, self._at))

    def _change(self, step: Step) -> None:
        self.state = NEXT[self.state][step]


class _Next(Call):
    """GET …/next."""

    def __init__(self, session: Session, caller: Caller) -> None:
        self._session, self._caller = session, caller

    def end(self, trailers: Headers) -> None:  # noqa: ARG002
        late = runtime_api.refusal(self._session.state, Target(Step.NEXT), "")  # its body may have taken its time
        if late is not None:
            self._caller.answer(late)
        else:
            self._session.wait(self._caller)


class _Body(Call):
    """A call whose body counts, up to *limit* bytes; what comes beyond is thrown away."""

    def __init__(self, session: Session, caller: Caller, limit: int) -> None:
        self._session, self._caller, self._limit = session, caller, limit
        self._body = bytearray()
        self._over = False

    def feed(self, piece: bytes) -> None:
        self._over = self._over or len(self._body) + len(piece) > self._limit
        if self._over:
            self._body.clear()
        else:
            self._body += piece


class _Buffered(_Body):
    """POST …/response whose result is one piece."""

    def __init__(self, session: Session, caller: Caller, content_type: str) -> None:
        """*content_type*: of a stream that is collected; "" for any other result."""
        super().__init__(session, caller, RESPONSE_LIMIT)
        self._content_type = content_type
        session.begin(Step.RESPONSE, caller)

    def end(self, trailers: Headers) -> None:
        broken = runtime_api.broken(trailers)
        result = runtime_api.collected(self._content_type, bytes(self._body))
        self._over = self._over or len(result) > RESPONSE_LIMIT
        if self._over:
            self._session.done(frames.OVERSIZED)
        elif broken is not None:
            self._session.done(frames.ERROR, broken[0].encode(), broken[1])
        else:
            self._session.done(frames.RESULT, b"", result)
        self._caller.answer(runtime_api.TOO_LARGE if self._over else runtime_api.ACCEPTED)

    def lost(self) -> None:
        self._session.truncated()


class _Streamed(Call):
    """POST …/response whose pieces are sent on as they come."""

    def __init__(self, session: Session, caller: Caller, content_type: str) -> None:
        self._session, self._caller = session, caller
        self._size = 0
        session.begin(Step.RESPONSE, caller)
        session.tell(frames.BEGIN, content_type.encode())

    def feed(self, piece: bytes) -> None:
        before, self._size = self._size, self._size + len(piece)
        if self._size <= STREAM_LIMIT:
            self._session.tell(frames.PIECE, b"", piece)
        elif before <= STREAM_LIMIT:
            self._session.tell(frames.PIECE, b"", piece[: STREAM_LIMIT - before])

    def end(self, trailers: Headers) -> None:
        broken = runtime_api.broken(trailers)
        over = self._size > STREAM_LIMIT
        if over:
            self._session.done(frames.OVERSIZED)
        elif broken is not None:
            self._session.done(frames.BROKEN, broken[0].encode(), broken[1])
        else:
            self._session.done(frames.END)
        self._caller.answer(runtime_api.TOO_LARGE if over else runtime_api.ACCEPTED)

    def lost(self) -> None:
        self._session.truncated()


class _Error(_Body):
    """POST …/error and POST …/init/error."""

    def __init__(self, session: Session, caller: Caller, head: Head, call: Target) -> None:
        super().__init__(session, caller, RESPONSE_LIMIT)
        self._headers, self._init = head.headers, call.step is Step.INIT_ERROR
        if not self._init:
            session.begin(Step.ERROR, caller)

    def end(self, trailers: Headers) -> None:  # noqa: ARG002
        error_type, body = runtime_api.error(self._headers, bytes(self._body))
        if self._init:
            if self._session.state is State.STARTED:  # not a second one at the same time
                self._session.init_failed(error_type, body)
        elif self._over:
            self._session.done(frames.OVERSIZED)
        else:
            self._session.done(frames.ERROR, error_type.encode(), body)
        self._caller.answer(runtime_api.TOO_LARGE if self._over else runtime_api.ACCEPTED)

    def lost(self) -> None:
        if not self._init:
            self._session.truncated()
