"""The events that `router event` prints: a table of shapes, by the families of their sources.

Nothing there but facts is ours: the builders are those of the sources (router/events)."""

from collections.abc import Mapping
from typing import Final

from router.events.shapes import authorizers, bus, http, records, s3
from router.events.shapes.shape import Shape, UnfitFact, built, requested

SHAPES: Final[Mapping[str, Shape]] = {
    **s3.SHAPES,
    **http.SHAPES,
    **bus.SHAPES,
    **records.SHAPES,
    **authorizers.SHAPES,
}

__all__ = ["SHAPES", "Shape", "UnfitFact", "built", "requested"]
