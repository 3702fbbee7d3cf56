"""Our events as a handler gets them, and the strictest reading of them that a parser model allows."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from router.events.shapes import SHAPES, built
from tests.fidelity.consumers.made import AT

Model = TypeVar("Model", bound=BaseModel)


def sent(kind: str, **facts: str) -> Any:
    """What `router event KIND` prints of these facts; an underscore in a name stands for a hyphen."""
    return json.loads(json.dumps(built(SHAPES[kind], {name.replace("_", "-"): value for name, value in facts.items()}, AT)))


def strictly(model: type[Model], event: Any, lax: Mapping[str, str] | None = None) -> Model:
    """*event* as *model*: no type converted, no key unknown, but for the places in *lax*.

    *lax*: path without list positions → why the model cannot take there what AWS sends. One that is not needed fails."""
    text, lax = json.dumps(event), lax or {}
    try:
        model.model_validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        odd = {".".join(part for part in one["loc"] if isinstance(part, str)): one["msg"] for one in error.errors()}
    else:
        odd = {}
    assert odd.keys() == lax.keys(), odd
    return model.model_validate_json(text)
