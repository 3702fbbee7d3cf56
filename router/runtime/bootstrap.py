"""What runs in a worker: import the handler, then run it for one event after another. Standard library only.

The semantics of AWS's Python runtime client (awslambdaric 4): handler names, error objects, what is and is not caught.
sys.exit and every other BaseException end the process, as there. Started by guard.py in a process that has forked off the
spawner and is not isolated further than isolation.py's controls."""

import builtins
import importlib
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, NoReturn

from router.runtime import frames, isolation, sdk_endpoint, snapshot_hooks, streaming
from router.runtime.context import LambdaContext
from router.runtime.marshalling import Fault, marshal, raw_utf8, to_json, unmarshal
from router.runtime.trace_variable import TraceVariable
from router.runtime.worker_log import WorkerLog

Handler = Callable[[Any, LambdaContext], Any]
_RECEIVE: Final = 65536  # bytes
_CHILD: Final = 0.0002  # seconds; the shortest life of a child, from its fork to its end
_OURS: Final = ("ctypes", "resource", "fcntl")  # loaded for us, not by AWS's runtime: a function's own module of that name wins
_META: Final = getattr(json.JSONDecoder(), "scan_once")  # noqa: B009 # json.loads would look for an encoding and for white space, which the daemon does not write


class Channel:
    """The worker's end of the frames."""

    def __init__(self, requests: int, responses: int) -> None:
        self._requests, self._responses = requests, responses
        self._decoder = frames.Decoder(1 << 30)  # the daemon is trusted
        self._began = 0.0  # when the last event came
        self._children = 0  # KiB

    def receive(self) -> frames.Frame:
        """The next frame; leaves the process when the daemon has closed the channel."""
        while True:
            chunk = os.read(self._requests, _RECEIVE)
            if not chunk:
                os._exit(0)
            self._began = time.monotonic()
            for frame in self._decoder.feed(chunk):
                return frame

    def send(self, kind: int, meta: bytes = b"", body: bytes = b"") -> None:
        """Send a frame, with this process's memory high-water mark where something ends."""
        memory = 0 if kind in frames.PARTS else self._high_water()
        for data in frames.encode(kind, meta, body, memory):
            sent = os.write(self._responses, data)
            while sent < len(data):
                sent += os.write(self._responses, memoryview(data)[sent:])

    def _high_water(self) -> int:
        """KiB that this process, or the largest of its children that have ended, held at most. What the spawner held before the fork is not in it.

        Children are not asked for after an invocation in which none can have come and gone: that is another system call."""
        own: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if time.monotonic() - self._began >= _CHILD:
            self._children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        return max(own, self._children)


class Worker:
    """The loop around a handler."""

    def __init__(self, channel: Channel, log: WorkerLog) -> None:
        self._channel = channel
        self._log = log
        self._copy = False  # a child that the handler forked
        os.register_at_fork(after_in_child=self._copied)
        self._raw = raw_utf8(os.environ["AWS_EXECUTION_ENV"])
        self._begun = False  # the running invocation streams its answer
        self._trace = TraceVariable()

    def loaded(self, name: str) -> Handler:
        """Import the handler, or report why not and exit with status 1."""
        try:
            return load(name)
        except Fault as fault:
            self.fail_init(str(fault), fault.error_type, list(fault.trace))
        except Exception as error:  # noqa: BLE001  # whatever the function's module raises is its init error
            self.fail_init(*told(error))

    def ready(self) -> None:
        """Say that events may come."""
        self._channel.send(frames.READY)

    def renew(self, separator: str) -> None:
        """This is a fork of the process that has loaded the handler, with a log and descriptors of its own."""
        self._copy = False
        self._log.separate(separator.encode())

    def run(self, handler: Handler) -> NoReturn:
        """One event after another, until the channel ends or the function ends the process."""
        while True:
            _, meta, event, _ = self._channel.receive()
            (request_id, arn, ms, trace, client, streamed), _ = _META(meta.decode(), 0)
            self._log.request_id = request_id
            self._begun = False
            self._trace.set(trace)
            kind, meta, body = self._invoke(handler, (request_id, arn, client, ms), event, streamed=streamed)
            self._answer(kind, meta, body)

    def _invoke(self, handler: Handler, asked: tuple[str, str, str, int], event: bytes, *, streamed: bool) -> tuple[int, bytes, bytes]:
        """Kind, meta and body of the answer. *asked*: what the context is made of; *streamed*: the answer may come in pieces."""
        try:
            try:
                context = LambdaContext(*asked)
            except (ValueError, AttributeError) as error:
                raise Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse Client Context JSON: {error}") from error
            result = handler(unmarshal(event), context)
            if streamed and streaming.streams(result):
                return self._stream(result)
            result = marshal(result, self._raw)
        except Fault as fault:
            return self._error(str(fault), fault.error_type, list(fault.trace), asked[0])
        except Exception as error:  # noqa: BLE001  # the function's, reported as its error object
            return self._error(*told(error), asked[0])
        if len(result) > frames.RESPONSE_LIMIT:
            return frames.OVERSIZED, b"", b""
        return frames.RESULT, b"", result

    def _stream(self, items: Iterator[Any]) -> tuple[int, bytes, bytes]:
        """Send an answer in pieces; kind, meta and body of its end. Raises what the function raises, Fault."""
        try:
            content_type, pieces = streaming.opened(items, raw=self._raw)
            self._begun = True
            self._answer(frames.BEGIN, content_type.encode(), b"")
            for piece in pieces:
                for at in range(0, len(piece), frames.PIECE_SIZE):
                    self._answer(frames.PIECE, b"", piece[at : at + frames.PIECE_SIZE])
        except streaming.TooLarge:
            return frames.OVERSIZED, b"", b""
        finally:
            streaming.close(items)
        return frames.END, b"", b""

    def _error(self, message: str, error_type: str, trace: list[str], request_id: str) -> tuple[int, bytes, bytes]:
        fault = {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": trace}
        self._log.error(fault)
        return frames.BROKEN if self._begun else frames.ERROR, error_type.encode("utf-8", "backslashreplace"), self._encoded(fault)

    def _encoded(self, fault: dict[str, Any]) -> bytes:
        """An error object as JSON; cut down when it is over what a response may be."""
        try:
            body = to_json(fault, raw=self._raw)
        except ValueError:  # lone surrogates in the message
            body = to_json(fault, raw=False)
        if len(body) <= frames.RESPONSE_LIMIT:
            return body
        return to_json(fault | {"errorMessage": fault["errorMessage"][:65536], "stackTrace": []}, raw=False)

    def _answer(self, kind: int, meta: bytes, body: bytes) -> None:
        if self._copy:
            os._exit(0)  # it came back with the handler's return: only one may answer
        self._channel.send(kind, meta, body)

    def _copied(self) -> None:
        self._copy = True  # to ask for the process's number each time would be a system call

    def fail_init(self, message: str, error_type: str, trace: list[str]) -> NoReturn:
        """Say why no events may come, and leave."""
        self._log.write("LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code.")
        _, meta, body = self._error(message, error_type, trace, "")
        self._channel.send(frames.INIT_ERROR, meta, body)
        sys.exit(1)


def load(name: str) -> Handler:
    """The handler `file.function`; slashes and dots in the file part are alike. Raises Fault, or what the module raises."""
    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{name}': {error}") from error
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        trace = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", (trace,)) from error
    try:
        handler: Handler = getattr(module, function_name)
    except AttributeError as error:
        raise Fault("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'") from error
    return handler


_CALLERS: Final = f"{os.path.dirname(__file__)}/"  # noqa: PTH120  # of the function, and of its hooks


def told(error: BaseException) -> tuple[str, str, list[str]]:
    """Message, type and stack trace of an exception; the trace starts at the function's first frame."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001  # a __str__ of the function's own that raises
        message = ""
    return message, type(error).__name__, _trace(error.__traceback__)


def _trace(found: TracebackType | None) -> list[str]:
    stack = [(frame.filename, frame.lineno or 0, frame.name, frame.line) for frame in traceback.extract_tb(found)]  # no columns, as on AWS
    first = next((at for at, frame in enumerate(stack) if not frame[0].startswith(_CALLERS)), 0)
    return traceback.format_list(stack[first:])


def _prepare(code: str, packages: str, layers: list[str]) -> None:
    """Make the interpreter what a function expects: its path first, then its layers, nothing of ours in the way."""
    time.tzset()
    own = [place for place in os.environ.get("PYTHONPATH", "").split(":") if place not in {"", packages}]
    sys.path[:] = list(dict.fromkeys((code, *own, *layers, *sys.path, packages)))
    sys.meta_path.append(snapshot_hooks.Finder)
    if url := os.environ.get("AWS_ENDPOINT_URL"):
        sys.meta_path.insert(0, sdk_endpoint.Finder(url))
    sys.dont_write_bytecode = True  # a code directory is the operator's
    for leave in ("exit", "quit"):
        setattr(builtins, leave, sys.exit)  # site's, which is not loaded
    for name in [name for name in sys.modules if name.split(".")[0] == "router"]:
        del sys.modules[name]
    for name in _OURS:
        if os.path.isfile(f"{code}/{name}.py") or os.path.isfile(f"{code}/{name}/__init__.py"):  # noqa: PTH113
            sys.modules.pop(name, None)


def rehearse() -> None:
    """Go through what every function is run with, for none, and leave nothing behind.

    A fork copies each page of the spawner's that it writes to, and Python writes where it reads: a quarter of a cold start, if not done before.
    What remembers the function's variables (context.py) has no part in it."""
    with suppress(Fault):
        load("no.handler")
    compile("import os\ndef handler(event, context):\n    return event\n", "app.py", "exec")
    unmarshal(marshal(unmarshal(b'{"key": [1, 2.5, null, "text"]}'), raw=True))
    for data in frames.encode(frames.RESULT, b"{}", b"{}"):
        list(frames.Decoder(len(data)).feed(data))
    WorkerLog(b"")


def prepared(spec: dict[str, Any]) -> Worker:
    """The worker, in the function's directory and with the function's path."""
    log = WorkerLog(spec["separator"].encode())
    log.install()
    worker = Worker(Channel(isolation.REQUESTS, isolation.RESPONSES), log)
    try:
        os.chdir(spec["code"])
    except OSError as error:
        worker.fail_init(f"Working directory {spec['code']}: {error.strerror}", "Runtime.InvalidWorkingDir", [])
    _prepare(spec["code"], spec["packages"], spec.get("layers", []))
    return worker


def run(spec: dict[str, Any]) -> NoReturn:
    """The worker's whole life; *spec* as the daemon sent it."""
    worker = prepared(spec)
    handler = worker.loaded(spec["handler"])
    worker.ready()
    worker.run(handler)
