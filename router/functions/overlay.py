"""Layers as one tree, as Lambda lays them over one another in /opt: in their order, the later over the earlier. Pure.

Source: Lambda developer guide, "Adding layers to functions": "Lambda extracts the layers in the order that you added them"."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """Where an entry of the merged tree comes from."""

    layer: int  # index
    directory: bool


def merged(layers: Sequence[Mapping[str, bool]]) -> dict[str, Place]:
    """Path → where it comes from, parents first. *layers*: path → whether it is a directory; each with all of its parents.

    A file or link that comes later takes the place of a directory with all below it, and a directory that of a file."""
    found: dict[str, Place] = {}
    for index, layer in enumerate(layers):
        for path in sorted(layer, key=lambda path: path.split("/")):
            directory, known = layer[path], found.get(path)
            if known is not None and known.directory and not directory:
                for below in [one for one in found if one.startswith(f"{path}/")]:
                    del found[below]
            if known is None or not (known.directory and directory):
                found[path] = Place(index, directory)
    return dict(sorted(found.items(), key=lambda entry: entry[0].split("/")))
