"""Policies as read: statements, principals, conditions; and what is wrong with a document that is none.

Pure. Source: IAM user guide, "Grammar of the IAM JSON policy language". Documents become these in reading.py."""

from typing import Final, Literal, NamedTuple

from router.iam.variables import Template

Kind = Literal["identity", "resource", "session", "trust"]
"""Whose policy it is: of who asks, of what is asked for, of one session of a role, of a role that is asked for."""

VERSIONS: Final = ("2012-10-17", "2008-10-17")
CURRENT: Final = VERSIONS[0]  # the only one with variables

Place = tuple[str | int, ...]
"""Where in a document: ("Statement", 0, "Action")."""


class Mistake(NamedTuple):
    """One mistake in a policy document."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{spelled(self.place)}: {self.message}" if self.place else self.message


class BadPolicy(ValueError):
    """Not a policy document; *mistakes* are all that is wrong with it."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = mistakes


class Actions(NamedTuple):
    """Action, or NotAction."""

    patterns: tuple[str, ...]
    inverted: bool = False


class Resources(NamedTuple):
    """Resource, or NotResource."""

    patterns: tuple[Template, ...]
    inverted: bool = False


class Principals(NamedTuple):
    """Principal, or NotPrincipal: (kind, name) as ("AWS", "123456789012"), ("Service", "s3.amazonaws.com"), ("AWS", "*")."""

    named: tuple[tuple[str, str], ...]
    inverted: bool = False


class Operator(NamedTuple):
    """A condition operator in its parts."""

    name: str  # as written: ForAnyValue:StringNotLikeIfExists
    base: str  # without prefix, suffix and Not: StringLike; "" for one that is not known
    inverted: bool = False
    quantifier: Literal["", "all", "any"] = ""
    if_exists: bool = False


class Condition(NamedTuple):
    """One key under one operator."""

    operator: Operator
    key: str  # as written
    values: tuple[Template, ...]


class Statement(NamedTuple):
    """One statement."""

    name: str  # its Sid, else its place: Statement[0]
    effect: Literal["Allow", "Deny"]
    actions: Actions
    resources: Resources
    principals: Principals | None = None  # of a resource's policy, or a role's trust
    conditions: tuple[Condition, ...] = ()


class Policy(NamedTuple):
    """A policy."""

    name: str  # for people: "role resizer"
    kind: Kind
    statements: tuple[Statement, ...]


def spelled(place: Place) -> str:
    """A place as people write it: Statement[0].Action."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
