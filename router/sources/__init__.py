"""The sources: a trigger's word in config.yaml and the class that serves it."""

from typing import Any, Final

SOURCES: Final[dict[str, type[Any]]] = {}
