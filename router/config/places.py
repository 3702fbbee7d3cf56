"""Where something stands in config.yaml, for mistakes that show only when all of it is read. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from router.config.fragments import PLACES
from router.config.hiding import Hiding
from router.config.problems import Problem, told
from router.config.tree import Form, Items, Scalar, Value
from router.config.types import Config

_STEP: Final = re.compile(r'\.?(?:"(?P<quoted>[^"]*)"|(?P<word>[^."\[\]:]+))|\[(?P<index>[0-9]+)\]')
_NOWHERE: Final = Scalar(0, 0, "", plain=False)


def placed(config: Config, problems: Iterable[str]) -> tuple[str, ...]:
    """Problems that begin with the path of what they are about, as `functions.f.role: …`, told as those are that reading finds: with file,
    line and column, or as declared through the API, in the order of the file. One that begins with no path stays as it is, behind them."""
    hiding = Hiding(config.given)
    found = [(_located(config, problem), problem) for problem in map(hiding.hidden, problems)]
    located = sorted(one for one, _ in found if one is not None)
    return (*(told(config.file.name, one) for one in located), *(problem for one, problem in found if one is None))


def place(config: Config, path: str) -> str:
    """`config.yaml:9:5`, to point at what stands under *path* from a message about something else; "" when nothing does."""
    found = _found(config, path)
    if found is None:
        return ""
    return f"{config.file.name}:{found.line}:{found.column}" if found.line else "declared through the API"


def _located(config: Config, problem: str) -> Problem | None:
    path, _, message = problem.partition(": ")
    found = _found(config, path)
    return Problem(found.line, found.column, path, message) if found is not None and message else None


def _found(config: Config, path: str) -> Value | None:
    """What stands under *path*, or the last of what is above it; None where not even its section is there."""
    value = config.kept.merged.root if config.kept is not None else None
    steps = list(_STEP.finditer(path))
    if value is None or not steps or "".join(step[0] for step in steps) != path:
        return None
    for number, step in enumerate(steps):
        inner = _inner(value, step)
        if inner is None:
            return value if number else None
        value = inner
    return value


def _inner(value: Value, step: re.Match[str]) -> Value | None:
    if isinstance(value, Form):
        entry = value.values.get(step["quoted"] if step["word"] is None else step["word"])
        return entry[1] if entry is not None else None
    if not isinstance(value, Items) or step["index"] is None or len(step["index"]) > len(str(PLACES)):
        return None
    index = int(step["index"])
    if index >= PLACES:
        return _NOWHERE
    return value.values[index] if index < len(value.values) else None
