"""The journal's statements, from queries.sql beside this file, by name."""

import re
from importlib import resources
from typing import Final


def statements(package: str) -> dict[str, str]:
    """Those of a package's queries.sql, without their comments."""
    text = resources.files(package).joinpath("queries.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    bare = (re.sub(r"\s*--[^\n]*", "", statement).strip() for statement in parts[2::2])
    return dict(zip(parts[1::2], bare, strict=True))


SQL: Final = statements("router.journal")
