"""Rules of a template: what must be true of its parameters. Pure.

Source: CloudFormation user guide, "Rules section", "Rule-specific intrinsic functions". Those that look parameters up in an account
are refused."""

from collections.abc import Mapping
from typing import Any, Final

from router.templates.draft import Draft
from router.templates.resolve import Resolver
from router.templates.words import REFUSED, Refused, Row, TemplateError, shown

_ATTRIBUTES: Final = frozenset({"RuleCondition", "Assertions"})
_ACCOUNT: Final = ("Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll")


def check(rules: Mapping[str, Any], draft: Draft) -> None:
    """Raises TemplateError with every assertion that is false, as CloudFormation makes no stack then; what cannot be told is refused."""
    false: list[str] = []
    for name, rule in rules.items():
        try:
            false += [f"Rules.{shown(name)}: {said}" for said in _false(rule, draft.resolver)]
        except Refused as refusal:
            title = f"Rules: {name}"  # as no resource or event is called
            draft.rows[title] = Row(title, "Rule", REFUSED, "", (str(refusal),))
    if false:
        raise TemplateError(*false)


def _false(rule: Any, resolver: Resolver) -> list[str]:
    """What the assertions that are false say."""
    if not isinstance(rule, dict) or not set(rule) <= _ATTRIBUTES or not isinstance(rule.get("Assertions"), list):
        raise Refused("a rule has Assertions, and may have a RuleCondition")
    if "RuleCondition" in rule and not _holds(rule["RuleCondition"], resolver):
        return []
    found = []
    for assertion in rule["Assertions"]:
        if not isinstance(assertion, dict) or "Assert" not in assertion:
            raise Refused("an assertion has an Assert")
        if not _holds(assertion["Assert"], resolver):
            found.append(shown(assertion.get("AssertDescription") or "an assertion is false"))
    return found


def _holds(raw: Any, resolver: Resolver, left: int = 10) -> bool:
    """Whether a rule's condition is true. Raises Refused."""
    name, argument = next(iter(raw.items())) if isinstance(raw, dict) and len(raw) == 1 else ("", raw)
    parts = argument if isinstance(argument, list) else [argument]
    if name in _ACCOUNT or left == 0:
        raise Refused(f"{shown(name)}: cannot be told here")
    if name == "Fn::And":
        return all(_holds(part, resolver, left - 1) for part in parts)
    if name == "Fn::Or":
        return any(_holds(part, resolver, left - 1) for part in parts)
    if name == "Fn::Not" and len(parts) == 1:
        return not _holds(parts[0], resolver, left - 1)
    if name in _LISTS and len(parts) == 2:
        return _LISTS[name](_listed(parts[0], resolver), resolver.value(parts[1]))
    found = resolver.value(raw)
    if not isinstance(found, bool):
        raise Refused(f"{shown(found)} is neither true nor false")
    return found


_LISTS: Final = {
    "Fn::Contains": lambda listed, value: value in listed,
    "Fn::EachMemberEquals": lambda listed, value: all(each == value for each in listed),
    "Fn::EachMemberIn": lambda listed, value: isinstance(value, list) and all(each in value for each in listed),
}


def _listed(raw: Any, resolver: Resolver) -> list[Any]:
    found = resolver.value(raw)
    if not isinstance(found, list):
        raise Refused(f"{shown(found)} is no list")
    return found
