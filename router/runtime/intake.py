"""The daemon's side of a streamed answer: what a worker sends becomes the sink's, in order and bounded. Pure."""

from collections.abc import Callable

from router.model import STREAM_LIMIT
from router.runtime import frames
from router.runtime.base import Sink


class Intake:
    """The parts of one invocation's answer. A worker is not trusted: what comes out of order is dropped, too much is said."""

    def __init__(self, sink: Sink, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """*pause* and *resume*: hold the worker up while the sink is full."""
        self._sink, self._pause, self._resume = sink, pause, resume
        sink.on_room = resume
        self.begun = False
        self._size = 0  # bytes of pieces

    def take(self, frame: frames.Frame) -> bool:
        """Take a frame of PARTS. False: more than a worker of ours ever sends."""
        if frame.kind == frames.BEGIN and not self.begun:
            self.begun = True
            self._sink.begin(frame.meta.decode("utf-8", "replace"))
        elif frame.kind == frames.PIECE and self.begun:
            self._size += len(frame.body)
            if self._size > STREAM_LIMIT:
                return False
            if not self._sink.feed(frame.body):
                self._pause()
        return True

    def end(self) -> None:
        """The invocation is over: the worker is held up no longer, and the sink has no say in the next one."""
        self._sink.on_room = _nothing
        self._resume()


def _nothing() -> None:
    pass
