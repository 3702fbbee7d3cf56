"""Parameters of a template and the values that they have. Pure.

Source: CloudFormation user guide, "Parameters". Types that are looked up in an account are taken when a value is given."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from router.templates.words import TemplateError, shown

MOST: Final = 200  # CloudFormation's quota
_LISTS: Final = ("CommaDelimitedList", "List<")
_ATTRIBUTES: Final = frozenset(
    [
        "Type",
        "Default",
        "Description",
        "AllowedValues",
        "AllowedPattern",
        "ConstraintDescription",
        "MinLength",
        "MaxLength",
        "MinValue",
        "MaxValue",
        "NoEcho",
    ]
)


Unlike = Callable[[str, Sequence[str]], str | None]
"""A pattern and texts → the first that does not match as a whole, or None. Raises TemplateError for what is no pattern."""


def unlike(pattern: str, texts: Sequence[str]) -> str | None:
    """See Unlike. A hostile pattern takes as long as it likes."""
    try:
        return next((text for text in texts if not re.fullmatch(pattern, text)), None)
    except re.error:
        raise TemplateError("no regular expression") from None


def values(declared: Any, given: Mapping[str, str], unlike: Unlike = unlike) -> dict[str, Any]:
    """Name → text, or a list of texts. Raises TemplateError with every mistake."""
    declared = {} if declared is None else declared
    if not isinstance(declared, dict):
        raise TemplateError("Parameters must be a mapping")
    if len(declared) > MOST:
        raise TemplateError(f"Parameters: a template has {MOST} at most")
    problems = [f"--parameter {shown(name)}: the template has no such parameter" for name in given if name not in declared]
    found: dict[str, Any] = {}
    for name, rules in declared.items():
        try:
            found[name] = _value(name, rules, given.get(name), unlike)
        except TemplateError as error:
            problems += error.problems
    if problems:
        raise TemplateError(*problems)
    return found


def private(declared: Any) -> frozenset[str]:
    """Parameters that hold a secret: NoEcho."""
    return frozenset(
        name for name, rules in (declared or {}).items() if isinstance(rules, dict) and str(rules.get("NoEcho", "")).lower() == "true"
    )


def secrets(declared: Any, found: Mapping[str, Any]) -> frozenset[str]:
    """The values of those; *found*: what values() gave."""
    texts = (found[name] for name in private(declared))
    return frozenset(one for text in texts for one in (text if isinstance(text, list) else [text]))


def _value(name: str, rules: Any, given: str | None, unlike: Unlike) -> Any:
    where = f"parameter {shown(name)}"
    if not isinstance(rules, dict) or not isinstance(rules.get("Type"), str):
        raise TemplateError(f"{where}: Type is required")
    if unknown := [key for key in rules if key not in _ATTRIBUTES]:
        raise TemplateError(f"{where}: {shown(unknown[0])} is no attribute of a parameter")
    kind = rules["Type"]
    looked_up = kind.startswith("AWS::SSM::Parameter::Value<") or kind == "AWS::SSM::Parameter::Name"
    if given is None and ("Default" not in rules or looked_up):
        why = f"its value would be looked up in Parameter Store ({kind})" if looked_up else "it has no default"
        raise TemplateError(f"{where}: {why}; give one with --parameter {name}=VALUE")
    text = _text(rules["Default"]) if given is None else given
    listed = kind.startswith(_LISTS) or "<List<" in kind or "<CommaDelimitedList>" in kind
    parts = [part.strip() for part in text.split(",")] if listed else [text]
    listing = rules.get("AllowedValues")
    allowed = frozenset(map(_text, listing)) if isinstance(listing, list) else None
    for part in parts:
        if wrong := _wrong(part, kind, rules, allowed):
            raise TemplateError(f"{where}: {wrong}{_explained(rules)}")
    if rules.get("AllowedPattern") is not None and (wrong := _unmatched(parts, rules, unlike)):
        raise TemplateError(f"{where}: {wrong}{_explained(rules)}")
    return parts if listed else text


def _explained(rules: Mapping[str, Any]) -> str:
    said = rules.get("ConstraintDescription")
    return f" ({shown(said)})" if said else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _wrong(text: str, kind: str, rules: Mapping[str, Any], allowed: frozenset[str] | None) -> str:
    """What is wrong with one value, in words that do not show it when it is a secret; "" when nothing is."""
    told = _told(text, rules)
    if allowed is not None and text not in allowed:
        return f"{told} is none of {', '.join(shown(_text(one)) for one in rules['AllowedValues'])}"
    if kind in {"Number", "List<Number>"} and not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", text):
        return f"{told} is no number"
    return _outside(text, told, kind, rules)


def _outside(text: str, told: str, kind: str, rules: Mapping[str, Any]) -> str:
    size, unit = (float(text), "") if kind in {"Number", "List<Number>"} else (float(len(text)), " characters")
    low, high = ("MinValue", "MaxValue") if not unit else ("MinLength", "MaxLength")
    try:
        if low in rules and size < float(rules[low]):
            return f"{told} is less than {rules[low]}{unit}"
        if high in rules and size > float(rules[high]):
            return f"{told} is more than {rules[high]}{unit}"
    except (TypeError, ValueError):
        return f"{low} or {high} is no number"
    return ""


def _told(text: str, rules: Mapping[str, Any]) -> str:
    return "this value" if str(rules.get("NoEcho", "")).lower() == "true" else shown(text) or "an empty text"


def _unmatched(texts: Sequence[str], rules: Mapping[str, Any], unlike: Unlike) -> str:
    pattern = str(rules["AllowedPattern"])
    try:
        found = unlike(pattern, texts)
    except TemplateError as error:
        return f"AllowedPattern {shown(pattern)}: {error}"
    return "" if found is None else f"{_told(found, rules)} does not match {shown(pattern)}"
