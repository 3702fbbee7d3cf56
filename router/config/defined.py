"""Which names a source file defines, as far as that shows without running it. Pure.

For a note beside a config, so in doubt nothing is said: where a module may get names in ways that do not show, any name may be there."""

import ast
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

_DYNAMIC: Final = frozenset(("exec", "globals", "locals", "modules", "setattr", "vars", "__dict__"))  # may bind what is named nowhere
_ELSEWHERE: Final = re.compile(
    r"\bexports\s*=(?!=)\s*+(?!\{|async\b|function\b|class\b)|\bexports\s*\[|\bexport\s*\*|\.\.\.|\b(?:eval|assign|defineProperty)\b"
)
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@lru_cache(maxsize=4)  # many functions may have one file
def in_python(source: bytes) -> frozenset[str] | None:
    """What a Python module binds at its top; None: there may be more. Raises SyntaxError, as this version of Python has it."""
    try:
        with warnings.catch_warnings(action="ignore"):
            names = _all(ast.parse(source))
    except (RecursionError, MemoryError):  # nested without end
        return None
    except ValueError as error:  # a NUL, or a byte that is no UTF-8
        raise SyntaxError(str(error)) from error
    return None if {"*", "__getattr__"} & names else names


def _all(tree: ast.Module) -> frozenset[str]:
    """Names bound at the top; "*": and others."""
    if any(map(_hides, ast.walk(tree))):
        return frozenset("*")
    declared = (name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)
    return frozenset((*_bound(tree), *declared))


def _hides(node: ast.AST) -> bool:
    """Whether it may bind a name that nobody reads here."""
    return (isinstance(node, ast.Name) and node.id in _DYNAMIC) or (isinstance(node, ast.Attribute) and node.attr in _DYNAMIC)


def _bound(parent: ast.AST) -> Iterator[str]:
    """Names bound below *parent*, but for those inside functions and classes."""
    for node in ast.iter_child_nodes(parent):
        yield from _names(node)
        if not isinstance(node, _Definition | ast.Lambda):
            yield from _bound(node)


def _names(node: ast.AST) -> Iterator[str]:
    """Names that a node binds itself."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.alias(name=name, asname=None):
            yield name.partition(".")[0]
        case ast.alias(asname=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name
        case ast.ExceptHandler(name=str(name)):
            yield name


@lru_cache(maxsize=4)
def in_javascript(source: bytes) -> frozenset[str] | None:
    """All words of a JavaScript or TypeScript file: what is not among them is not exported. None: it may export what another file does."""
    text = source.decode("utf-8", "replace")
    return None if _ELSEWHERE.search(text) else frozenset(re.findall(r"[\w$]+", text))
