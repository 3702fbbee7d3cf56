"""`event:` in config.yaml: a rule on an event bus, with its function as the target."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Self

from router.config.types import Names
from router.events.patterns import Pattern, compile_pattern
from router.events.patterns_values import InvalidPattern
from router.events.transform import WHOLE, Input, InvalidInput

if TYPE_CHECKING:
    from router.config.node import Node

NAME: Final = r"[0-9a-zA-Z_.-]{1,64}"  # EventBridge API reference, PutRule
PATTERN_CHARS: Final = 4096  # of a pattern's JSON at most: EventBridge quotas
INPUTS: Final = ("input", "input_path", "input_transformer")
NOTHING: Final = Pattern((), frozenset())  # stands in for a pattern that cannot be read


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """`event: {bus, pattern, input | input_path | input_transformer, name}`."""

    word: ClassVar[str] = "event"

    pattern: Pattern
    bus: str = "default"
    written: str = ""  # the pattern as JSON text
    input: Input = WHOLE
    name: str = ""  # "": FUNCTION-PLACE

    @classmethod
    def read(cls, node: "Node", names: Names) -> Self:
        """Read the value under `event:`; an unknown bus is a problem."""
        form = node.form(known=("bus", "pattern", *INPUTS, "name"))
        bus = form.text("bus", "default")
        if bus not in names.buses:
            form.problem(f"no bus has the name {bus}{form.did_you_mean(bus, names.buses)}", "bus")
        pattern = form.json("pattern")
        if not form.has("pattern"):
            form.problem("is required, as pattern: {source: [shop]}", "pattern")
        return cls(
            pattern=pattern_of(form, "pattern") if form.has("pattern") else NOTHING,
            bus=bus,
            written=json.dumps(pattern, separators=(",", ":"), ensure_ascii=False),
            input=input_of(form),
            name=form.text("name", pattern=NAME, what="1 to 64 letters, digits, hyphens, underscores and dots") if form.has("name") else "",
        )

    def named(self, function: str, place: int) -> str:
        """The rule's name: its own, or made of its function's and its place among all triggers that are listed."""
        return self.name or f"{function}-{place}"

    @property
    def claim(self) -> str:
        """A name is one rule's, on its bus."""
        return f"rule {self.name} of bus {self.bus}" if self.name else ""


def pattern_of(form: "Node", key: str) -> Pattern:
    """The pattern under *key*; what is wrong with it is noted in AWS's words."""
    pattern = form.json(key)
    size = len(json.dumps(pattern, separators=(",", ":"), ensure_ascii=False))
    if size > PATTERN_CHARS:
        form.problem(f"{size} characters of JSON; a pattern has {PATTERN_CHARS} at most", key)
    try:
        return compile_pattern(pattern)
    except InvalidPattern as error:
        form.problem(str(error), key)
        return NOTHING


def input_of(form: "Node") -> Input:
    """What becomes of the event, by the one of INPUTS that is given; what is wrong with it is noted."""
    given = [key for key in INPUTS if form.has(key)]
    if len(given) > 1:
        form.problem(f"only one of {', '.join(INPUTS)} can be given", given[1])
    if not given:
        return WHOLE
    try:
        return _READERS[given[0]](form)
    except InvalidInput as error:
        form.problem(str(error), given[0])
        return WHOLE


def _template(form: "Node") -> Input:
    child = form.child("input_transformer")
    assert child is not None
    inner = child.form(main="template", known=("template", "paths"))
    paths = inner.child("paths")
    return Input.template(inner.text("template"), {name: each.text("") for name, each in paths.items()} if paths is not None else {})


_READERS: Final[dict[str, Callable[["Node"], Input]]] = {
    "input": lambda form: Input.constant(form.json("input")),
    "input_path": lambda form: Input.part(form.text("input_path")),
    "input_transformer": _template,
}
