"""Where each kind of runtime looks in /opt, which here is Function.opt. Pure.

Source: Lambda developer guide, "Packaging your layer content": `python` and `python/lib/python3.N/site-packages`, `nodejs/node_modules` and
`nodejs/nodeN/node_modules`; `bin` and `lib` for all (variables.py). The longer ones come first, as in the variables that AWS sets."""

from pathlib import Path


def python_paths(opt: Path | None, version: tuple[int, int]) -> list[str]:
    """What of the layers is on the module path."""
    return [] if opt is None else [f"{opt}/python/lib/python{version[0]}.{version[1]}/site-packages", f"{opt}/python"]


def node_paths(opt: Path | None, major: str) -> list[str]:
    """What of the layers is in NODE_PATH."""
    return [] if opt is None else [f"{opt}/nodejs/node{major}/node_modules", f"{opt}/nodejs/node_modules"]
