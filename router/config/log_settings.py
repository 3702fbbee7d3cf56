"""The keys of a function that say how its log is written: Lambda's LoggingConfig."""

from typing import Final
from urllib.parse import quote

from router.config.node import Node
from router.config.types import Logging
from router.names import LOG_GROUP

KEYS: Final = ("log_format", "application_log_level", "system_log_level", "log_group")
APPLICATION: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SYSTEM: Final = ("DEBUG", "INFO", "WARN")

_DEFAULT: Final = Logging()
_LONGEST: Final = 240  # characters of a directory's name, some less than NAME_MAX


def read(form: Node) -> Logging:
    """LoggingConfig; mistakes are noted on the node."""
    written = form.choice("log_format", _DEFAULT.format, ("text", "json"))
    for key in ("application_log_level", "system_log_level"):
        if form.has(key) and written != "json":
            form.problem("only log_format: json has levels; text logs are written whole", key)
    group = form.text("log_group", _DEFAULT.group, pattern=LOG_GROUP, what="a log group's name: letters, digits and . - _ / #")
    if len(quote(group, safe="")) > _LONGEST:
        form.problem("too long for the name of a directory, in which every / and # takes three characters", "log_group")
    return Logging(
        format="json" if written == "json" else "text",
        application_level=form.choice("application_log_level", _DEFAULT.application_level, APPLICATION),
        system_level=form.choice("system_log_level", _DEFAULT.system_level, SYSTEM),
        group=group,
    )
