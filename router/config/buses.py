"""Event buses. Pure. Names follow AWS: EventBridge API reference, CreateEventBus."""

import re
from dataclasses import replace
from typing import Final

from router.config.node import Node
from router.config.queues import policy, tags
from router.config.roles import Policies
from router.config.settings import DAY, HOUR
from router.config.types import Bus, ScheduleGroup

DEFAULT: Final = "default"  # the bus that is always there
DESCRIPTION: Final = 512  # characters
GROUP: Final = re.compile(r"[0-9a-zA-Z_.-]{1,64}")  # EventBridge Scheduler API reference, CreateScheduleGroup
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,256}")
_PLAIN: Final = Bus(DEFAULT)
_UNGROUPED: Final = ScheduleGroup(DEFAULT)
_ARCHIVE: Final = r"[.\-_A-Za-z0-9]{1,48}"  # EventBridge API reference, CreateArchive


def buses(node: Node | None, policies: Policies | None = None) -> dict[str, Bus]:
    """The value under `buses`, and the default bus in any case. *policies*: see load()."""
    if node is None:
        return {DEFAULT: _PLAIN}

    def read(name: str, child: Node) -> Bus:
        if not _NAME.fullmatch(name) or name.startswith("aws."):
            node.misnamed(name, "a bus's name is 1 to 256 letters, digits, dots, hyphens and underscores, and does not begin with aws.")
        return _bus(name, child, policies)

    return {DEFAULT: _PLAIN} | node.each(read)


def key_of(owner: str, name: str) -> str:
    """How the config spells a rule of a bus or a schedule of a group: OWNER/NAME where the owner is not the default one."""
    return name if owner == DEFAULT else f"{owner}/{name}"


def groups(node: Node | None) -> dict[str, ScheduleGroup]:
    """The value under `schedule_groups`, and the default group in any case."""
    if node is None:
        return {DEFAULT: _UNGROUPED}

    def read(name: str, child: Node) -> ScheduleGroup:
        if not GROUP.fullmatch(name):
            node.misnamed(name, "a group's name is 1 to 64 letters, digits, hyphens, underscores and dots")
        return ScheduleGroup(name) if child.empty else ScheduleGroup(name, tags(child.form(known=("tags",))))

    return {DEFAULT: _UNGROUPED} | node.each(read)


def _bus(name: str, node: Node, policies: Policies | None) -> Bus:
    if node.empty:  # `orders:` alone is a bus
        return Bus(name)
    form = node.form(known=("archive", "description", "policy", "tags"))
    archive = form.child("archive")
    found = Bus(name, description=description(form), policy=policy(form, policies, "events:PutEvents"), tags=tags(form))
    if archive is None:
        return found
    made = _archived(found, form, archive)
    kept = made.archive_name or name  # replays, and the API, know an archive by it
    if (other := node.document.readings.claim(f"archive {kept}", name)) != name:
        form.problem(f"the archive of bus {other} has the name {kept} already; give this one another, as archive: {{name: …}}", "archive")
    return made


def _archived(bus: Bus, form: Node, archive: Node) -> Bus:
    if archive.scalar and form.written("archive") == "forever":
        return replace(bus, archive=float("inf"))
    kept = archive.form(main="retention", known=("retention", "pattern", "name", "description"))
    forever = kept.written("retention") == "forever"
    return replace(
        bus,
        archive=float("inf") if forever else kept.seconds("retention", low=HOUR, high=3650 * DAY),
        archive_pattern=kept.json("pattern"),
        archive_name=kept.text("name", "", pattern=_ARCHIVE, what="1 to 48 letters, digits, dots, hyphens and underscores"),
        archive_description=description(kept),
    )


def description(form: Node) -> str:
    """The text under `description`."""
    text = form.text("description", "")
    if len(text) > DESCRIPTION:
        form.problem(f"{len(text)} characters; a description has {DESCRIPTION} at most", "description")
    return text
