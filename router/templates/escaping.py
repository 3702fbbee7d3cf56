"""What a template says, as config.yaml has to spell it to say the same. Pure."""

from typing import Any


class Verbatim(dict[str, Any]):
    """A value in whose texts config.yaml knows no references."""


def escaped(value: Any) -> Any:
    """A value of the config in whose texts no `${` is a reference of config.yaml's: what a template says is nothing but text."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [escaped(each) for each in value]
    return {key: escaped(each) for key, each in value.items()} if isinstance(value, dict) and not isinstance(value, Verbatim) else value


def escaped_entry(value: Any) -> Any:
    """The same of an entry of a section: in its policy and its trust, variables are their own."""
    return (
        {key: each if key in ("policy", "trust") else escaped(each) for key, each in value.items()}
        if isinstance(value, dict)
        else escaped(value)
    )
