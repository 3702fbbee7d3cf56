"""The queues' statements, from queries.sql beside this file, by name."""

import re
from importlib import resources
from typing import Final


def _loaded() -> dict[str, str]:
    text = resources.files("router.queues").joinpath("queries.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    bare = (re.sub(r"\s*--[^\n]*", "", statement).strip() for statement in parts[2::2])
    return dict(zip(parts[1::2], bare, strict=True))


SQL: Final = _loaded()
