"""How waiting for a worker may end, beside a frame. Pure."""

from typing import Literal, NamedTuple

from router.runtime.frames import Frame


class Exit(NamedTuple):
    """The end of a worker; its descendants are gone too."""

    status: int  # raw wait status
    memory: int  # KiB, high-water mark; 0 when nobody could tell
    orphaned: bool = False  # the spawner died and took it with it
    starved: bool = False  # the kernel ended one of its processes at the limit of its memory
    used: int = 0  # bytes of its private /tmp


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
