"""Our events as literals of the types in @types/aws-lambda, checked by tsc: a wrong type, a missing key and a key too many are errors."""

import copy
import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.fidelity.consumers.site import NODE

SETTINGS: Final = {
    "strict": True,
    "noEmit": True,
    "skipLibCheck": True,  # they import node's types for streams, which no event holds
    "types": [],
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
}
NOTHING: Final = object()
UNDEFINED: Final = object()  # no JSON has it, but literals do


class Odd(NamedTuple):
    """A place in which AWS sends what the types do not know, or leaves out what they demand."""

    path: Sequence[str | int]  # of the key; list positions are numbers
    why: str
    wanted: Any = NOTHING  # NOTHING: the types do not know this key; else what they would take in its place

    def present(self, event: Any) -> bool:
        """Whether the event has the key: then tsc complains there, else about what should have held it."""
        for step in self.path[:-1]:
            event = event[step]
        return isinstance(event, list) or self.path[-1] in event


class Literal(NamedTuple):
    """One event and the type that it must have."""

    name: str  # an identifier
    type: str
    event: Any
    odd: Sequence[Odd] = ()


def source(literals: Iterable[Literal]) -> str:
    """The program: each event mended in all odd places, and once for each odd place with that one left as it is, expected to fail."""
    literals = list(literals)
    lines = [f"import type {{ {', '.join(sorted({one.type.partition('<')[0] for one in literals}))} }} from 'aws-lambda'", ""]
    for one in literals:
        lines.append(f"export const {one.name}: {one.type} = {_text(_mended(one.event, one.odd))}")
        for number, odd in enumerate(one.odd):
            others = [other for other in one.odd if other is not odd]
            marked = odd.path if odd.present(one.event) else odd.path[:-1]
            if not marked:
                lines.append("// @ts-expect-error")
            lines.append(f"export const {one.name}_{number}: {one.type} = {_text(_mended(one.event, others), marked)}")
    return "\n".join(lines)


def check(directory: Path, program: str) -> str:
    """What tsc says of it; "" when it is content."""
    (directory / "events.ts").write_text(program, encoding="utf-8")
    types = str(NODE / "node_modules/@types/aws-lambda/index.d.ts")
    settings = {"compilerOptions": {**SETTINGS, "paths": {"aws-lambda": [types]}}, "files": ["events.ts"]}
    (directory / "tsconfig.json").write_text(json.dumps(settings))
    ran = subprocess.run([NODE / "node_modules/.bin/tsc", "-p", directory], capture_output=True, text=True, timeout=60, check=False)
    return ran.stdout + ran.stderr


def _mended(event: Any, odd: Iterable[Odd]) -> Any:
    event = copy.deepcopy(event)  # of JSON, so UNDEFINED comes in afterwards
    for one in odd:
        place = event
        for step in one.path[:-1]:
            place = place[step]
        if one.wanted is NOTHING:
            del place[one.path[-1]]
        else:
            place[one.path[-1]] = one.wanted
    return event


def _text(value: Any, marked: Sequence[str | int] | None = None, indent: str = "") -> str:
    """JSON with one key a line; tsc must complain about the line of *marked*."""
    inner = indent + "  "
    if isinstance(value, dict | list) and value:
        keyed = value.items() if isinstance(value, dict) else enumerate(value)
        lines = []
        for key, child in keyed:
            here = marked is not None and marked[:1] == [key]
            if here and len(marked or ()) == 1:
                lines.append(f"{inner}// @ts-expect-error")
            name = f"{json.dumps(key)}: " if isinstance(value, dict) else ""
            lines.append(f"{inner}{name}{_text(child, marked[1:] if here and marked else None, inner)},")
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return "\n".join([opening, *lines, indent + closing])
    return "undefined" if value is UNDEFINED else json.dumps(value)
