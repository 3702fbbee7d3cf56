"""How waiting for a worker may end, beside a frame and its exit. Pure."""

from typing import Literal, NamedTuple

from router.runtime.frames import Frame
from router.runtime.launcher import Exit


class Expired:
    """The deadline passed."""


class Flooded:
    """The worker sent more than a streamed answer may have."""


class Settled:
    """All extensions wait for the next event."""


class ExtensionFailed(NamedTuple):
    """One of the environment's extensions cannot go on."""

    name: str
    error_type: str
    why: str


class Closed:
    """The environment was closed meanwhile."""


class Exhausted(NamedTuple):
    """It used up something of its own: memory or storage."""

    what: Literal["memory", "storage"]


Ending = Frame | Exit | Expired | Flooded | Settled | ExtensionFailed | Closed | Exhausted
