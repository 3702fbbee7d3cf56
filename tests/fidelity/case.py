"""A case: a golden sample, the facts it is made of, and what is known to differ."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from tests.fidelity.compare import Field, Missing, fields

GOLDEN: Final = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class Deviation:
    """Fields that are known to differ, and why."""

    path: str  # a glob of paths: Records.*.eventVersion
    reason: str
    flawed: bool = False  # the sample is wrong there, so the field says nothing about AWS
    absent: bool = False  # only where the sample has no such field

    def covers(self, field: Field) -> bool:
        """Whether this is why the field differs."""
        return fnmatchcase(field.path, self.path) and (not self.absent or isinstance(field.theirs, Missing))


def flawed(path: str, reason: str) -> Deviation:
    """A field in which the sample itself is wrong: hand-edited, older than the format, or cut short."""
    return Deviation(path, reason, flawed=True)


def left_out(path: str, reason: str) -> Deviation:
    """Fields that the sample should have and has not."""
    return Deviation(path, reason, flawed=True, absent=True)


@dataclass(frozen=True)
class Case:
    """One event, or one answer, as AWS has it and as we make it."""

    kind: str  # the row of the score
    sample: str  # file in tests/golden, without .json
    build: Callable[[], Any]  # from the facts of the sample to ours
    part: Sequence[str | int] = ()  # where in the file the sample is
    deviations: Sequence[Deviation] = ()
    forms: Mapping[str, str] = field(default_factory=dict)  # path → pattern: ids that AWS draws, of which only the form can be alike
    view: Callable[[Any], Any] = lambda value: value  # both sides are seen through this: unzipped, parsed

    @property
    def name(self) -> str:
        """`s3_template_versioned_bucket[2]`."""
        return self.sample + "".join(f"[{part}]" for part in self.part)

    @cached_property
    def fields(self) -> list[Field]:
        """Everything compared."""
        theirs = json.loads((GOLDEN / f"{self.sample}.json").read_text(encoding="utf-8"))
        for part in self.part:
            theirs = theirs[part]
        ours = json.loads(json.dumps(self.build()))  # as a handler sees it: tuples are lists
        found = fields(self.view(theirs), self.view(ours), template="template_" in self.sample)
        return [self._formed(one) for one in found]

    def _formed(self, one: Field) -> Field:
        """The field, right when both sides have the form that its path asks for."""
        form = self.forms.get(one.path)
        alike = form is not None and all(isinstance(side, str) and re.fullmatch(form, side) for side in (one.theirs, one.ours))
        return Field(one.path, one.theirs, one.ours, right=True) if alike else one

    def deviation(self, field: Field) -> Deviation | None:
        """Why this field differs, when that is known."""
        return next((one for one in self.deviations if one.covers(field)), None)

    def unexplained(self) -> list[Field]:
        """Fields that are wrong and should not be."""
        return [field for field in self.fields if not field.right and self.deviation(field) is None]

    def idle(self) -> list[Deviation]:
        """Deviations that no field needs any more."""
        used = [self.deviation(field) for field in self.fields if not field.right]
        return [one for one in self.deviations if one not in used]
