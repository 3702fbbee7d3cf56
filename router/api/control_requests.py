"""What the calls on the control socket are asked with: their bodies and parameters, read and checked. Pure."""

import math
from collections.abc import Mapping
from typing import Any, Final

import orjson

from router.api.history import Wanted
from router.errors import InvalidParameter
from router.events.eventbridge import LATEST
from router.events.http import Request
from router.journal.base import Query
from router.model import State
from router.sources.bus_store import Replay

ROWS: Final = 1000  # of one listing at most
FILTERS: Final = frozenset({"function", "source", "state", "since", "before", "limit"})

Parameters = Mapping[str, str]  # of the path and the query; the path wins


def is_number(value: Any) -> bool:
    """Whether it is a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def body_of(request: Request) -> dict[str, Any]:
    """The request's JSON object; {} when it has no body. Raises InvalidParameter."""
    try:
        body = orjson.loads(request.body or b"{}")
    except ValueError as error:
        raise InvalidParameter(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidParameter("the body is not a JSON object")
    return body


def wanted_of(request: Request) -> Wanted:
    """The dead letters that a request means: {"ids": [...]}, {"function": NAME} or {"all": true}. Raises InvalidParameter."""
    body = body_of(request)
    function = body.get("function") or ""
    if not isinstance(function, str):
        raise InvalidParameter("function is a name")
    return Wanted(ids_in(body) if body.get("ids") else (), function, body.get("all") is True)


def ids_in(body: Mapping[str, Any]) -> list[str]:
    """The event ids in {"ids": [...]}. Raises InvalidParameter."""
    ids = body.get("ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise InvalidParameter("ids is a list of event ids")
    return ids


def replay_of(body: Mapping[str, Any]) -> Replay:
    """The replay that {"name", "bus", "from", "to", "rules", "pattern"} asks for; times are epoch seconds. Raises InvalidParameter."""
    texts = [body.get(key) or default for key, default in (("name", ""), ("bus", "default"), ("pattern", ""))]
    times = [body.get("from", 0), body.get("to", LATEST)]
    rules = body.get("rules") or []
    if not all(isinstance(text, str) for text in texts) or not isinstance(rules, list) or not all(isinstance(one, str) for one in rules):
        raise InvalidParameter("name, bus and pattern are texts, rules is a list of names")
    if not all(isinstance(at, int | float) and not isinstance(at, bool) and 0 <= at <= LATEST for at in times):
        raise InvalidParameter("from and to are times in epoch seconds")
    name, bus, pattern = texts
    return Replay(name, bus, float(times[0]), float(times[1]), tuple(rules), pattern)


def limit_of(parameters: Parameters, most: int = ROWS) -> int:
    """How many rows are wanted, 1 to *most*; 100 when nothing is said."""
    text = parameters.get("limit", "100")
    if not text.isdecimal() or len(text) > len(str(most)) or not 1 <= int(text) <= most:
        raise InvalidParameter(f"limit {text[:20]}: a number from 1 to {most}")
    return int(text)


def query_of(parameters: Parameters, *, most: int = ROWS) -> Query:
    """The listing that the query string asks for. Raises InvalidParameter."""
    try:
        states = frozenset(State(state) for state in parameters.get("state", "").split(",") if state)
        since = float(parameters.get("since") or 0)
        if not math.isfinite(since):
            raise ValueError(f"since {since}")  # noqa: TRY301 - one answer for all of them
    except ValueError as error:
        raise InvalidParameter(f"{error}; states are {', '.join(State)}, since is epoch seconds") from error
    return Query(
        function=parameters.get("function", ""),
        source=parameters.get("source", ""),
        states=states,
        since=since,
        before=parameters.get("before", ""),
        limit=limit_of(parameters, most),
    )
