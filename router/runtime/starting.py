"""What is heard of a worker that becomes another program and speaks frames."""

from router.runtime import frames
from router.runtime.recipe import OnFrame


class Starting:
    """program.py's READY is held back: the program says it again, once it has loaded the handler."""

    def __init__(self, on_frame: OnFrame) -> None:
        self._on_frame = on_frame
        self._is_program = False

    def __call__(self, frame: frames.Frame) -> None:
        """Pass a frame on."""
        if frame.kind == frames.READY and not self._is_program:
            self._is_program = True
        else:
            self._on_frame(frame)
