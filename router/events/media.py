"""Media types against a REST API's binaryMediaTypes. Pure. Source: API Gateway developer guide, "Binary media types"."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

TYPE: Final = re.compile(r"(\*|[A-Za-z0-9!#$&^_.+-]+)/(\*|[A-Za-z0-9!#$&^_.+-]+)")  # RFC 6838, 4.2


@lru_cache(maxsize=256)
def media_of(value: str) -> str:
    """The first media type of a Content-Type or Accept header, lower-case, without parameters."""
    return value.partition(",")[0].partition(";")[0].strip().lower()


def matches(value: str, types: Sequence[str]) -> bool:
    """Whether the first media type in *value* is one of *types*, or falls under one: image/*, */*.

    `*/*` takes everything, also a request without a type."""
    if "*/*" in types:
        return True
    media = media_of(value)
    return bool(media) and any(media == known or (known.endswith("/*") and media.startswith(known[:-1])) for known in types)
