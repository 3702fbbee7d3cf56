"""What a template's outputs come to. Pure."""

from collections.abc import Mapping
from typing import Any

from router.templates.draft import Draft
from router.templates.naming import NO_VALUE
from router.templates.words import DIFFERS, Refused, Row, TemplateError, shown


def values(outputs: Mapping[str, Any], draft: Draft) -> dict[str, Any]:
    """Name → value; those that cannot be told are left out, and it is said. Raises TemplateError."""
    found: dict[str, Any] = {}
    for name, output in outputs.items():
        if not isinstance(output, dict) or "Value" not in output:
            raise TemplateError(f"Outputs.{shown(name)}: Value is required")
        try:
            if "Condition" in output and not draft.resolver.holds(str(output["Condition"])):
                continue
            value = _told(output["Value"], draft)
        except Refused as refusal:
            title = f"Outputs: {name}"  # as no resource or event is called
            draft.rows[title] = Row(title, "Output", DIFFERS, "", (f"is left out: {refusal}",))
        else:
            if value is not NO_VALUE:
                found[name] = value
    return found


def _told(raw: Any, draft: Draft) -> Any:
    """The value. Raises Refused, also where it comes from what is refused: a name of something that is not there would mislead."""
    draft.resolver.referred.clear()
    value = draft.resolver.value(raw)
    if gone := sorted(draft.resolver.referred & draft.refused):
        raise Refused(f"refers to {gone[0]}, which is refused")
    return value
