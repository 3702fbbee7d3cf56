"""What can become of a template, and the exceptions that say so. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

RUNS: Final = "runs"
DIFFERS: Final = "runs differently"
REFUSED: Final = "refused"
ABSENT: Final = "not created"  # its condition is false

SHOWN: Final = 80  # characters of the template's own text quoted in a sentence


class TemplateError(Exception):
    """The template as a whole cannot be used; `problems` are sentences for people."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Refused(Exception):
    """One resource, or a part of one, cannot run here; the text says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Row:
    """What becomes of one resource, or of one event of a function."""

    resource: str  # logical id, or LOGICAL.EVENT
    type: str
    verdict: str  # RUNS, DIFFERS, REFUSED or ABSENT
    becomes: str = ""  # as functions.resize, queues.jobs, …; "" when there is nothing in config.yaml
    notes: tuple[str, ...] = ()  # how it differs, or why it is refused
    line: int = 0  # in the template; 0: not known

    def json(self) -> dict[str, Any]:
        """For `--output json`."""
        return {
            "resource": self.resource,
            "type": self.type,
            "verdict": self.verdict,
            "becomes": self.becomes or None,
            "notes": list(self.notes),
            "line": self.line or None,
        }


@dataclass(frozen=True, slots=True)
class Code:
    """Code that a resource names, for somebody who can look at the disk."""

    resource: str  # logical id
    path: str  # as config.yaml has it
    handler: str = ""  # "" for a layer
    layer: bool = False
    built: str = ""  # Metadata.BuildMethod of the template


@dataclass(frozen=True, slots=True)
class Translation:
    """A template, translated."""

    config: Mapping[str, Any]
    comments: Mapping[tuple[str, ...], tuple[str, ...]]  # path in the config → lines above it
    rows: tuple[Row, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    codes: tuple[Code, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)  # inline code: path as in config → text
    private: bool = False  # it holds what the template calls NoEcho, or a key
    secrets: frozenset[str] = field(default=frozenset(), repr=False)  # values of what it calls NoEcho

    @property
    def refused(self) -> tuple[Row, ...]:
        """What does not run."""
        return tuple(row for row in self.rows if row.verdict == REFUSED)


def shown(value: object) -> str:
    """A value of the template on one line and short."""
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    return text if text.isprintable() else "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
