"""Policy documents into policies, strictly: every mistake is told, with its place in the document.

Pure. Source: IAM user guide, "Grammar of the IAM JSON policy language". A document is what JSON or YAML has:
{"Version": …, "Statement": [ … ]}. Stricter than AWS: an operator must be known, its values must be of its kind."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, Literal

from router.iam import values
from router.iam.conditions import NULL, OPERATORS, operator
from router.iam.policy import (
    CURRENT,
    VERSIONS,
    Actions,
    BadPolicy,
    Condition,
    Kind,
    Mistake,
    Operator,
    Place,
    Policy,
    Principals,
    Resources,
    Statement,
)
from router.iam.variables import BadVariable, Template, keys_of, spelled, template

LIMIT: Final = 20_480  # characters of a document as JSON, where no other limit holds: that of a function's policy, Lambda quotas
STATEMENTS: Final = 1000

_TOP: Final = ("Version", "Id", "Statement")
_ELEMENTS: Final = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
_PRINCIPALS: Final = ("AWS", "Service", "Federated", "CanonicalUser")
_ACTION: Final = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_SID: Final = re.compile(r"[A-Za-z0-9]*")
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]*")  # of a trust's statement
_TITLE: Final = re.compile(
    r"[ -~]*"
)  # of a resource's statement, as the console and many a template have them: "Allow SNS", "topic-arn:aws:…"
_SIDS: Final[Mapping[Kind, tuple[re.Pattern[str], str]]] = {
    "identity": (_SID, "letters and digits"),
    "session": (_SID, "letters and digits"),
    "trust": (_LABEL, "letters and digits, hyphens and underscores"),
    "resource": (_TITLE, "a text of printable ASCII characters"),
}
_KEY: Final = re.compile(r"[A-Za-z0-9._/-]+:[^\s]+")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_AWS_ARN: Final = re.compile(r"arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:(root|user/.+|role/.+|assumed-role/[^/]+/[^/]+)")
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")
_VALUES: Final = {
    "Numeric": (values.number, "a number"),
    "Date": (values.moment, "an ISO 8601 date or epoch seconds"),
    "Bool": (values.truth, "true or false"),
    "Binary": (values.octets, "base64"),
    "IpAddress": (values.network, "an address or a range, as 203.0.113.0/24"),
    "Arn": (lambda text: text.count(":") >= values.ARN_FIELDS - 1 or None, "an ARN of six fields"),
    "Null": (values.truth, "true or false"),
}


def parse(text: str) -> Any:
    """A document from JSON text. Raises BadPolicy: no JSON, or an element that stands there twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise BadPolicy((Mistake((), f"{key[:80]!r} stands there twice"),))
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        if isinstance(error, BadPolicy):
            raise
        raise BadPolicy((Mistake((), f"no JSON: {str(error)[:200]}"),)) from None


def read(document: Any, *, name: str, kind: Kind = "identity", lenient: bool = False, account: str = "") -> Policy:
    """The policy that a document spells. Raises BadPolicy with every mistake.

    *account*: the only one that a resource's policy may let in; "": any may be named. *lenient*: condition operators that are not known are kept, and no request meets what they stand in."""
    reader = _Reader(kind, account, lenient=lenient)
    statements = reader.document(document)
    if reader.mistakes:
        raise BadPolicy(tuple(reader.mistakes))
    return Policy(name, kind, statements)


def mistakes_in(document: Any, kind: Kind = "identity") -> Sequence[Mistake]:
    """What is wrong with a policy document; () when nothing is."""
    try:
        read(document, name="", kind=kind)
    except BadPolicy as error:
        return error.mistakes
    return ()


class _Reader:
    """Reads one document; notes mistakes and goes on."""

    def __init__(self, kind: Kind, account: str, *, lenient: bool) -> None:
        self._kind = kind
        self._resource, self._trust, self._account, self._lenient = kind in ("resource", "trust"), kind == "trust", account, lenient
        self._variables = False
        self._sids: set[str] = set()
        self.mistakes: list[Mistake] = []

    def document(self, value: Any) -> tuple[Statement, ...]:
        if not isinstance(value, Mapping):
            self._note((), 'a policy is an object: {"Version": "2012-10-17", "Statement": […]}')
            return ()
        self._known(value, (), _TOP)
        if value.get("Version", CURRENT) not in VERSIONS:
            self._note(("Version",), f"one of {', '.join(VERSIONS)}")
        if "Id" in value and not isinstance(value["Id"], str):
            self._note(("Id",), "is no text")
        self._variables = value.get("Version") == CURRENT
        listed = value.get("Statement")
        if isinstance(listed, Mapping):
            listed = [listed]
        if not isinstance(listed, list) or not listed:
            self._note(("Statement",) if "Statement" in value else (), "Statement is one statement or a list of them")
            return ()
        if len(listed) > STATEMENTS:
            self._note(("Statement",), f"more than {STATEMENTS} statements")
            return ()
        single = isinstance(value["Statement"], Mapping)
        read = (self._statement(one, ("Statement",) if single else ("Statement", at), at) for at, one in enumerate(listed))
        return tuple(statement for statement in read if statement is not None)

    def _statement(self, value: Any, place: Place, index: int) -> Statement | None:
        if not isinstance(value, Mapping):
            self._note(place, 'a statement is an object: {"Effect": "Allow", "Action": …, "Resource": …}')
            return None
        self._known(value, place, _ELEMENTS)
        effect: Literal["Allow", "Deny"] = "Allow" if value.get("Effect") == "Allow" else "Deny"
        if value.get("Effect") not in ("Allow", "Deny"):
            self._note((*place, "Effect") if "Effect" in value else place, "Effect is Allow or Deny")
        return Statement(
            self._sid(value, place) or f"Statement[{index}]",
            effect,
            self._actions(value, place),
            self._resources(value, place),
            self._principals(value, place, effect),
            tuple(self._conditions(value.get("Condition", {}), (*place, "Condition"))),
        )

    def _sid(self, value: Mapping[str, Any], place: Place) -> str:
        sid = value.get("Sid", "")
        pattern, told = _SIDS[self._kind]
        if not isinstance(sid, str) or not pattern.fullmatch(sid):
            self._note((*place, "Sid"), f"a Sid is {told}")
            return ""
        if sid and sid in self._sids:
            self._note((*place, "Sid"), f"{sid[:60]} names another statement already")
        self._sids.add(sid)
        return sid

    # -- what and whom it is about

    def _actions(self, value: Mapping[str, Any], place: Place) -> Actions:
        key, patterns = self._either(value, place, "Action")
        for index, pattern in patterns:
            if pattern != "*" and not _ACTION.fullmatch(pattern):
                self._note(_at(place, key, index), f"{pattern[:60]!r} is no action; write s3:GetObject, s3:Get* or *")
            elif self._trust and not pattern.lower().startswith("sts:"):
                self._note(_at(place, key, index), f"{pattern[:60]!r} is no action of a trust; write sts:AssumeRole")
        return Actions(tuple(pattern for _, pattern in patterns), key == "NotAction")

    def _resources(self, value: Mapping[str, Any], place: Place) -> Resources:
        if self._trust:
            for key in ("Resource", "NotResource"):
                if key in value:
                    self._note((*place, key), "a trust has no resource: it is the role's that has it")
            return Resources((template("*", variables=False),))
        key, patterns = self._either(value, place, "Resource")
        found = []
        for index, pattern in patterns:
            at = _at(place, key, index)
            parts = self._template(pattern, at)
            if pattern != "*" and not (pattern.startswith("arn:") and spelled(parts).count(":") >= values.ARN_FIELDS - 1):
                self._note(at, f"{pattern[:60]!r} is neither * nor an ARN of six fields, as arn:aws:s3:::bucket/*")
            found.append(parts)
        return Resources(tuple(found), key == "NotResource")

    def _principals(self, value: Mapping[str, Any], place: Place, effect: str) -> Principals | None:
        if not self._resource:
            for key in ("Principal", "NotPrincipal"):
                if key in value:
                    self._note((*place, key), "a role's or a key's policy has no principal: it is that of whoever has the policy")
            return None
        given = [key for key in ("Principal", "NotPrincipal") if key in value]
        if len(given) != 1:
            whose = "a role's trust" if self._trust else "a resource's policy"
            self._note(place, f"{whose} names its Principal" if not given else "both Principal and NotPrincipal")
            return None
        key, at = given[0], (*place, given[0])
        if value[key] == "*":
            return Principals((("AWS", "*"),), key == "NotPrincipal")
        if not isinstance(value[key], Mapping) or not value[key]:
            self._note(at, '* or an object, as {"Service": "s3.amazonaws.com"}')
            return None
        self._known(value[key], at, _PRINCIPALS)
        named = [(kind, name) for kind in value[key] for name in self._names(kind, value[key][kind], (*at, kind))]
        if effect == "Allow" and key == "Principal":
            self._check_accounts(named, at)
        return Principals(tuple(named), key == "NotPrincipal")

    def _names(self, kind: str, value: Any, place: Place) -> Iterable[str]:
        for index, name in self._texts(value, place):
            at = place if index is None else (*place, index)
            if kind == "AWS" and name != "*" and not _ACCOUNT.fullmatch(name) and not _AWS_ARN.fullmatch(name):
                self._note(
                    at, f"{name[:80]!r} is no principal: *, an account of 12 digits, or the ARN of a user, a role or a role's session"
                )
            elif kind == "Service" and not _SERVICE.fullmatch(name):
                self._note(at, f"{name[:80]!r} is no service, as s3.amazonaws.com")
            else:
                yield name

    def _check_accounts(self, named: Iterable[tuple[str, str]], place: Place) -> None:
        """Whoever lets another account in would wait for it in vain."""
        for kind, name in named:
            account = name.split(":")[4] if name.startswith("arn:") else name
            if self._account and kind == "AWS" and account not in ("*", self._account):
                self._note((*place, kind), f"{name[:80]}: another account than {self._account}; nothing reaches across accounts here")

    # -- conditions

    def _conditions(self, value: Any, place: Place) -> Iterable[Condition]:
        if not isinstance(value, Mapping):
            self._note(place, 'an object of objects, as {"StringLike": {"s3:prefix": "in/*"}}')
            return
        for name, keys in value.items():
            at, found = (*place, name), operator(name) if isinstance(name, str) else None
            if found is None and self._lenient and isinstance(name, str):
                found = Operator(name, "")
            if found is None:
                self._note(at, f"{str(name)[:60]} is no condition operator{_near(str(name), OPERATORS)}")
            elif not isinstance(keys, Mapping) or not keys:
                self._note(at, "an object of keys and values")
            else:
                yield from self._keys(found, keys, at)

    def _keys(self, found: Operator, keys: Mapping[str, Any], place: Place) -> Iterable[Condition]:
        seen: set[str] = set()
        for key, given in keys.items():
            at = (*place, key)
            if not isinstance(key, str) or not _KEY.fullmatch(key):
                self._note(at, f"{str(key)[:60]!r} is no condition key, as aws:SourceIp")
                continue
            if key.lower() in seen:
                self._note(at, "stands there twice: the letter case of a key does not count")
            seen.add(key.lower())
            yield Condition(found, key, tuple(self._values(found, given, at)))

    def _values(self, found: Operator, given: Any, place: Place) -> Iterable[Template]:
        kind = next((kind for kind in _VALUES if found.base.startswith(kind)), "")
        for index, text in self._texts(given, place, scalars=True):
            at = place if index is None else (*place, index)
            parts = self._template(text, at)
            if found.base == NULL and keys_of(parts):
                self._note(at, "Null takes true or false, no variable")
            elif kind and not keys_of(parts) and _VALUES[kind][0](spelled(parts)) is None:
                self._note(at, f"{text[:60]!r} is not {_VALUES[kind][1]}, which {found.name} compares")
            yield parts

    # -- small things

    def _either(self, value: Mapping[str, Any], place: Place, key: str) -> tuple[str, list[tuple[int | None, str]]]:
        """Which of Action and NotAction (Resource and NotResource) there is, and its texts."""
        given = [name for name in (key, f"Not{key}") if name in value]
        if not given and any(_meant(str(name), _ELEMENTS) in {key, f"Not{key}"} for name in value if name not in _ELEMENTS):
            return key, []  # it is there, misspelt, and told so
        if len(given) != 1:
            self._note(place, f"both {key} and Not{key}" if given else f"neither {key} nor Not{key}")
            return key, []
        return given[0], list(self._texts(value[given[0]], (*place, given[0])))

    def _texts(self, value: Any, place: Place, *, scalars: bool = False) -> Iterable[tuple[int | None, str]]:
        """A text, or the texts of a list, each with its index. *scalars*: numbers and booleans are texts too."""
        listed = isinstance(value, list)
        if listed and not value:
            self._note(place, "an empty list")
        for index, one in enumerate(value if listed else [value]):
            text = _spelled(one) if scalars else one
            if isinstance(text, str):
                yield (index if listed else None), text
            else:
                self._note((*place, index) if listed else place, "is neither text nor a list of texts")

    def _template(self, text: str, place: Place) -> Template:
        try:
            return template(text, variables=self._variables)
        except BadVariable as error:
            self._note(place, str(error))
            return ()

    def _known(self, value: Mapping[Any, Any], place: Place, known: Collection[str]) -> None:
        for key in value:
            if key not in known:
                self._note((*place, str(key)[:80]), f"no element of a policy{_near(str(key), known)}")

    def _note(self, place: Place, message: str) -> None:
        self.mistakes.append(Mistake(place, message))


def _at(place: Place, key: str, index: int | None) -> Place:
    return (*place, key) if index is None else (*place, key, index)


def _spelled(value: Any) -> Any:
    """A condition's value as text: true is "true", 10 is "10"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) and abs(value) < 10**30 else repr(value) if isinstance(value, float) else value


def _near(word: str, known: Collection[str]) -> str:
    """`, did you mean Resource?`, or nothing."""
    meant = _meant(word, known)
    return f", did you mean {meant}?" if meant else ""


def _meant(word: str, known: Collection[str]) -> str:
    """What is close to it, or nothing."""
    if len(word) > 60:
        return ""
    close = get_close_matches(word, known, n=1, cutoff=0.6) or get_close_matches(word.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
    return next((one for one in known if close and one.lower() == close[0].lower()), "")
