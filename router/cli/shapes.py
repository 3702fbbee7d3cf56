"""The events that `router event` prints: a table of shapes, by the families of their sources.

Nothing there but facts is ours: the builders are those of the sources (router/events)."""

from collections.abc import Mapping
from typing import Final

from router.cli import shapes_authorizers, shapes_bus, shapes_http, shapes_records, shapes_s3
from router.cli.shape import Shape, UnfitFact, built, requested

SHAPES: Final[Mapping[str, Shape]] = {
    **shapes_s3.SHAPES,
    **shapes_http.SHAPES,
    **shapes_bus.SHAPES,
    **shapes_records.SHAPES,
    **shapes_authorizers.SHAPES,
}

__all__ = ["SHAPES", "Shape", "UnfitFact", "built", "requested"]
