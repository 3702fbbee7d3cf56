"""How waiting for a worker may end, beside a frame and its exit. Pure."""

from router.runtime.frames import Frame
from router.runtime.launcher import Exit


class Expired:
    """The deadline passed."""


class Flooded:
    """The worker sent more than a streamed answer may have."""


class Closed:
    """The environment was closed meanwhile."""


Ending = Frame | Exit | Expired | Flooded | Closed
