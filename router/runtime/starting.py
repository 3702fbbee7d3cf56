"""What is heard of a worker that becomes another program and speaks frames."""

from collections.abc import Collection
from typing import Final

import orjson

from router.runtime import frames, ready
from router.runtime.recipe import OnFrame

DUMPABLE: Final = "dumpable"  # the control that exec takes back


class Starting:
    """program.py's READY is held until the program has loaded the handler and says so itself."""

    def __init__(self, on_frame: OnFrame, lost: Collection[str] = ()) -> None:
        """*lost*: controls that exec took back and that the program has no call to set again."""
        self._on_frame, self._lost = on_frame, lost
        self._missing: set[str] | None = None  # controls, once program.py has said which

    def __call__(self, frame: frames.Frame) -> None:
        """Pass a frame on."""
        if frame.kind == frames.READY:
            told = ready.refused(frame.meta)
            if told is None:  # forged, and for the environment to judge
                self._on_frame(frame)
                return
            if self._missing is None:
                self._missing = {*told, *self._lost} - ({DUMPABLE} - {*self._lost})
                return
            frame = frame._replace(meta=orjson.dumps(sorted({*told, *self._missing})))
        self._on_frame(frame)
