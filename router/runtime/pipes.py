"""The daemon's ends of a worker's descriptors: frames both ways, and its output. Nothing here blocks the loop."""

import array
import asyncio
import fcntl
import os
import select
import termios
from collections import deque
from collections.abc import Callable
from typing import Final

from router.runtime import frames
from router.runtime.output import Lines

_CHUNK: Final = 65536  # bytes; a pipe's usual capacity, so one read takes all that was written before
_SMALL: Final = 4096  # bytes; most answers are no larger, and memory for a chunk is not as near
_TURN: Final = 1024 * 1024  # bytes of a large response taken in one turn of the loop


class Channel:
    """Frames to and from one worker, over two pipes: half the cost of a socket pair."""

    bare: Final = True  # see Link

    def __init__(self, on_frame: Callable[[frames.Frame], None], on_end: Callable[[], None]) -> None:
        """*on_end* is called once, when the worker's end is closed or what comes is no frame. Raises OSError (no descriptors)."""
        self._loop = asyncio.get_running_loop()
        requests, self._writing = os.pipe()
        try:
            self._reading, responses = os.pipe()
        except OSError:
            os.close(requests)
            os.close(self._writing)
            raise
        self._theirs: tuple[int, ...] = (requests, responses)
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        self._on_frame, self._on_end = on_frame, on_end
        self._decoder = frames.Decoder(frames.RESPONSE_LIMIT + _CHUNK)
        self._waiting: deque[memoryview] = deque()
        self._open = True
        self._paused = False
        self._pumping = False  # takes what is there whether paused or not
        self._sending = 0  # bytes of the last frame
        self._unsent = 0  # bytes of it that were never written
        self._loop.add_reader(self._reading, self._readable)

    @property
    def theirs(self) -> tuple[int, ...]:
        """The worker's ends, requests and responses, to be passed on."""
        return self._theirs

    @property
    def taken(self) -> bool:
        """See Link: whether anything of the last frame has left the pipe."""
        unread = array.array("i", [0])
        fcntl.ioctl(self._writing, termios.FIONREAD, unread)
        return unread[0] + self._unsent + sum(map(len, self._waiting)) < self._sending

    def passed_on(self, pid: int = 0, listener: int = -1) -> None:  # noqa: ARG002  # a Link; others ask who it is
        """The worker has its ends now: drop ours of them, so that its death is our end of file."""
        for descriptor in self._theirs:
            os.close(descriptor)
        self._theirs = ()

    def send(self, kind: int, meta: bytes, body: bytes) -> bool:
        """Send a frame, now or as the worker reads. False: the worker is gone and has seen nothing of it."""
        self._sending = self._unsent = 0
        for data in frames.encode(kind, meta, body):
            self._sending += len(data)
            if self._waiting:
                self._waiting.append(memoryview(data))
                continue
            try:
                sent = os.write(self._writing, data)
            except BlockingIOError:
                sent = 0
            except OSError:
                return False
            if sent < len(data):
                self._waiting.append(memoryview(data)[sent:])
                self._loop.add_writer(self._writing, self._writable)
        return True

    def pump(self) -> None:
        """Take what has arrived, without waiting for the loop to say so, and paused or not."""
        if self._open:
            self._pumping = True
            self._readable()
            self._pumping = False

    def pause(self) -> None:
        """Take no more: the worker waits once the pipe is full."""
        if self._open and not self._paused:
            self._paused = True
            self._loop.remove_reader(self._reading)

    def resume(self) -> None:
        """Go on after pause()."""
        if self._open and self._paused:
            self._paused = False
            self._loop.add_reader(self._reading, self._readable)

    def close(self) -> None:
        """Close our ends. No callback comes after this."""
        if self._open:
            self._end()
        self.passed_on()
        os.close(self._reading)
        os.close(self._writing)

    def _readable(self) -> None:
        taken, size = 0, _SMALL
        while self._open and taken < _TURN and (self._pumping or not self._paused):
            try:
                chunk = os.read(self._reading, size)
            except (BlockingIOError, InterruptedError):
                return
            try:
                found = self._decoder.feed(chunk)
            except frames.FrameError:
                found, chunk = [], b""
            for frame in found:
                self._on_frame(frame)
            if not chunk:
                self._end()
                self._on_end()
                return
            if len(chunk) < size:
                return  # a short read emptied the pipe
            taken += len(chunk)
            size = _CHUNK

    def _writable(self) -> None:
        try:
            while self._waiting:
                sent = os.write(self._writing, self._waiting[0])
                if sent < len(self._waiting[0]):
                    self._waiting[0] = self._waiting[0][sent:]
                    return
                self._waiting.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._unsent += sum(map(len, self._waiting))
            self._waiting.clear()  # the worker is gone; its exit is reported by the spawner
        self._loop.remove_writer(self._writing)

    def _end(self) -> None:
        self._open = False
        self._loop.remove_reader(self._reading)
        self._loop.remove_writer(self._writing)
        self._unsent += sum(map(len, self._waiting))
        self._waiting.clear()


class Output:
    """What one worker and its children write to stdout and stderr, as log events."""

    def __init__(self, lines: Lines, on_event: Callable[[str], None], monotonic: Callable[[], float]) -> None:
        """Raises OSError (no descriptors)."""
        self._loop = asyncio.get_running_loop()
        self._fd, self._theirs = os.pipe()
        os.set_blocking(self._fd, False)
        self._written = select.poll()
        self._written.register(self._fd, select.POLLIN)
        self._lines, self._on_event, self._monotonic = lines, on_event, monotonic
        self._open = True
        self._more = False
        self._loop.add_reader(self._fd, self._readable)

    @property
    def theirs(self) -> int:
        """The writing end, to be passed on."""
        return self._theirs

    def passed_on(self) -> None:
        """The worker has its end now."""
        if self._theirs >= 0:
            os.close(self._theirs)
            self._theirs = -1

    def settle(self) -> None:
        """Log what the function wrote before it answered, an unfinished line too; for when the loop has handed over the answer.

        No system call: what was written first was ready first, so the loop has called our reader in the turn that brought the answer.
        Not so where more than the answer comes the same way: then the turn may have begun before either was written."""
        if self._more:
            self.drain()
            return
        for event in self._lines.flush():
            self._on_event(event)

    def drain(self) -> None:
        """Log all that was written up to now, an unfinished line too. Whoever goes on writing does not delay it."""
        if self._open and self._written.poll(0):  # a third of what a read that finds nothing costs
            self._readable()
        for event in self._lines.flush():
            self._on_event(event)

    def close(self) -> None:
        """Drop our end: whoever still writes gets EPIPE."""
        self.passed_on()
        if self._open:
            self._stop()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _readable(self) -> None:
        try:
            chunk = os.read(self._fd, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._stop()
            return
        self._more = len(chunk) == _CHUNK  # a pipe that was made larger may hold more than one read takes
        for event in self._lines.feed(chunk, self._monotonic()):
            self._on_event(event)

    def _stop(self) -> None:
        self._open = False
        self._loop.remove_reader(self._fd)
