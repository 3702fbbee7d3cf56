"""Event buses. Pure. Names follow AWS: EventBridge API reference, CreateEventBus."""

import re
from typing import Final

from router.config.node import Node
from router.config.settings import DAY, HOUR
from router.config.types import Bus

DEFAULT: Final = "default"  # the bus that is always there
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,256}")


def buses(node: Node | None) -> dict[str, Bus]:
    """The value under `buses`, and the default bus in any case."""
    found = {DEFAULT: Bus(DEFAULT)}
    for name, child in node.items() if node is not None else ():
        if not _NAME.fullmatch(name) or name.startswith("aws."):
            assert node is not None  # no entries without it
            node.misnamed(name, "a bus's name is 1 to 256 letters, digits, dots, hyphens and underscores, and does not begin with aws.")
        found[name] = _bus(name, child)
    return found


def _bus(name: str, node: Node) -> Bus:
    if node.empty:  # `orders:` alone is a bus
        return Bus(name)
    form = node.form(known=("archive",))
    archive = form.child("archive")
    if archive is None:
        return Bus(name)
    if archive.scalar and form.written("archive") == "forever":
        return Bus(name, archive=float("inf"))
    kept = archive.form(main="retention", known=("retention", "pattern"))
    forever = kept.written("retention") == "forever"
    return Bus(
        name,
        archive=float("inf") if forever else kept.seconds("retention", low=HOUR, high=3650 * DAY),
        archive_pattern=kept.json("pattern"),
    )
