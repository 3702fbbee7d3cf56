"""`logs:` in config.yaml: a subscription filter of a log group, with its function as the destination.

AWS's words and limits: CloudWatch Logs API reference, PutSubscriptionFilter."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Self

from router.config.types import Names
from router.names import LOG_GROUP

if TYPE_CHECKING:
    from router.config.node import Node

NAME: Final = r"[^:*]{1,512}"
_OWN: Final = re.compile(r"/aws/lambda/(.*)")


@dataclass(frozen=True, slots=True)
class LogsTrigger:
    """`logs: {group, filter_pattern, name}`, or the group's name alone."""

    word: ClassVar[str] = "logs"

    group: str
    filter_pattern: str = ""  # "": every event
    name: str = ""  # "": FUNCTION-PLACE

    @classmethod
    def read(cls, node: "Node", names: Names) -> Self:
        """Read the value under `logs:`. A group may be made later; in config.yaml the one of a function that there is not is a problem.

        What was declared through the API stays when that function goes, as its log group does."""
        form = node.form(main="group", known=("group", "filter_pattern", "name"))
        group = form.text("group", pattern=LOG_GROUP, what="1 to 512 letters, digits and .-_/# as the name of a log group")
        own = _OWN.fullmatch(group)
        if own and own[1] not in names.functions and form.line:
            form.problem(f"no function has the name {own[1]}{form.did_you_mean(own[1], names.functions)}", "group")
        pattern = form.text("filter_pattern", "")
        if wrong := _wrong(pattern):
            form.problem(wrong, "filter_pattern")
        name = form.text("name", pattern=NAME, what="1 to 512 characters without : and *") if form.has("name") else ""
        return cls(group, pattern, name)

    def named(self, function: str, place: int) -> str:
        """The filter's name: its own, or made of its function's and its place among all triggers that are listed."""
        return self.name or f"{function}-{place}"

    def key(self, function: str, place: int) -> tuple[str, str]:
        """The group and the filter's name."""
        return self.group, self.named(function, place)

    @property
    def claim(self) -> str:
        """A name is one filter's, in its group."""
        return f"subscription filter {self.name} of log group {self.group}" if self.name else ""


def _wrong(pattern: str) -> str:
    """What is wrong with a pattern; nothing when it can be read."""
    from router.events.log_conditions import BadPattern  # noqa: PLC0415 - few configs have a pattern
    from router.events.log_patterns import LogPattern  # noqa: PLC0415 - as above

    try:
        LogPattern.of(pattern)
    except BadPattern as error:
        return str(error)
    return ""
