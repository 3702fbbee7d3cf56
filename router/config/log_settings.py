"""The keys of a function that say how its log is written, Lambda's LoggingConfig; and log groups of themselves."""

import re
from typing import Final
from urllib.parse import quote

from router.config.node import Node
from router.config.settings import DAY, HOUR
from router.config.types import Logging, LogGroup
from router.names import LOG_GROUP

KEYS: Final = ("log_format", "application_log_level", "system_log_level", "log_group")
APPLICATION: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SYSTEM: Final = ("DEBUG", "INFO", "WARN")

_WHAT: Final = "a log group's name: letters, digits and . - _ / #"
_DEFAULT: Final = Logging()
_LONGEST: Final = 240  # characters of a directory's name, some less than NAME_MAX
_TOO_LONG: Final = "too long for the name of a directory, in which every / and # takes three characters"
_KEPT: Final = 3653 * DAY  # the longest of CloudWatch Logs: PutRetentionPolicy


def read(form: Node) -> Logging:
    """LoggingConfig; mistakes are noted on the node."""
    written = form.choice("log_format", _DEFAULT.format, ("text", "json"))
    for key in ("application_log_level", "system_log_level"):
        if form.has(key) and written != "json":
            form.problem("only log_format: json has levels; text logs are written whole", key)
    group = form.text("log_group", _DEFAULT.group, pattern=LOG_GROUP, what=_WHAT)
    if _long(group):
        form.problem(_TOO_LONG, "log_group")
    return Logging(
        format="json" if written == "json" else "text",
        application_level=form.choice("application_log_level", _DEFAULT.application_level, APPLICATION),
        system_level=form.choice("system_log_level", _DEFAULT.system_level, SYSTEM),
        group=group,
    )


def groups(node: Node | None) -> dict[str, LogGroup]:
    """The value under `log_groups`."""
    if node is None:
        return {}

    def read_one(name: str, child: Node) -> LogGroup:
        if not re.fullmatch(LOG_GROUP, name):
            node.misnamed(name, _WHAT)
        elif _long(name):
            node.misnamed(name, _TOO_LONG)
        if child.empty:  # `/app/audit:` alone is a group
            return LogGroup(name)
        form = child.form(known=("retention",))
        return LogGroup(name, form.seconds("retention", low=HOUR, high=_KEPT) if form.has("retention") else None)

    return node.each(read_one)


def _long(name: str) -> bool:
    return len(quote(name, safe="")) > _LONGEST
