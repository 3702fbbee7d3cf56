"""What templates read of one another's stacks, put in place. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from router.templates.words import TemplateError, shown

STEPS: Final = 8  # of values that stacks read of one another


@dataclass(frozen=True, slots=True)
class Links:
    """Values that stacks give out, and how they are asked for."""

    sources: Mapping[str, Callable[[Any], Any]]  # function → its argument as a key of `known`; None: it asks for none
    known: dict[Any, Any] = field(default_factory=dict)  # what stands in the place of such a function, before that is read itself
    _found: dict[Any, Any] = field(default_factory=dict)  # the same, read

    def read(self, raw: Any, trail: tuple[Any, ...] = ()) -> Any:
        """A value with what it reads of stacks in place; what none of them gives out stays. Raises TemplateError when it leads to itself.

        What is asked for twice is one object: twice as much in each of some steps would fill the memory."""
        if isinstance(raw, list):
            return [self.read(each, trail) for each in raw]
        if not isinstance(raw, dict):
            return raw
        if len(raw) == 1:
            ((function, argument),) = raw.items()
            source = self.sources.get(function)
            key = source(argument) if source is not None else None
            if key is not None and key in self.known:
                return self._given(key, trail)
        return {key: self.read(each, trail) for key, each in raw.items()}

    def _given(self, key: Any, trail: tuple[Any, ...]) -> Any:
        if key in trail or len(trail) >= STEPS:
            raise TemplateError(f"what stacks read of one another leads over more than {STEPS} steps, or to itself: {shown(key)}")
        if key not in self._found:
            self._found[key] = self.read(self.known[key], (*trail, key))
        return self._found[key]
