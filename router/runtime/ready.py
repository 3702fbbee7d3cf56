"""What a worker says with READY: the always-on controls that its machine refused. Pure.

A function's code may have run by then and may write to the same pipe: whatever comes is looked at."""

from typing import Final

import orjson

_MOST: Final = 32  # names; isolation.CONTROLS are fewer
_LONGEST: Final = 32  # letters of one


def refused(meta: bytes) -> frozenset[str] | None:
    """The names in the meta of a READY; None when no worker of ours has said that."""
    try:
        told = orjson.loads(meta) if meta else []
    except orjson.JSONDecodeError:
        return None
    if not isinstance(told, list) or len(told) > _MOST or not all(_is_name(one) for one in told):
        return None
    return frozenset(told)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and value.isidentifier()
