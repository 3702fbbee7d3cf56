"""Names in a file are found without running it, and none is missed that may be there."""

import ast
import sys
import warnings
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.defined import in_javascript, in_python

BINDING = [
    "def handler(event, context): ...",
    "async def handler(event, context): ...",
    "class handler: ...",
    "handler = lambda event, context: event",
    "handler: object = print",
    "first, (handler, *rest) = 1, (2, 3)",
    "import handler",
    "import handler.below",
    "import app as handler",
    "from app import handler",
    "from app import lambda_handler as handler",
    "if True:\n    def handler(event, context): ...",
    "try:\n    from fast import handler\nexcept ImportError:\n    handler = None",
    "with memoryview(b'') as handler: ...",
    "for handler in (1, 2): ...",
    "while (handler := 0): ...",
    "match 1:\n    case handler: ...",
    "match [1]:\n    case [*handler]: ...",
    "match {}:\n    case {**handler}: ...",
    "def set_up():\n    global handler\n    handler = 1",
]
OPEN = [
    "from app import *",
    "def __getattr__(name): ...",
    "globals()['hand' + 'ler'] = print",
    "import sys\nsetattr(sys.modules[__name__], 'handler', print)",
    "import sys\nsys.modules[__name__] = object()",
    "exec('handler = 1')",
    "vars()['handler'] = 1",
]
INSIDE = [
    "def app():\n    handler = 1",
    "class App:\n    def handler(self): ...",
    "print(handler)",
    "app = lambda handler: handler",
    "handler.x = 1",
    "",
]


@pytest.mark.parametrize("source", BINDING)
def test_what_a_module_binds(source: str) -> None:
    names = in_python(source.encode())
    assert names is not None
    assert "handler" in names


@pytest.mark.parametrize("source", OPEN)
def test_a_module_that_may_bind_anything(source: str) -> None:
    assert in_python(source.encode()) is None


@pytest.mark.parametrize("source", INSIDE)
def test_what_is_no_name_of_the_module(source: str) -> None:
    names = in_python(source.encode())
    assert names is not None
    assert "handler" not in names


@pytest.mark.parametrize("source", BINDING)
def test_running_it_says_the_same(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = in_python(source.encode())
    assert names is not None
    for name in ("app", "handler", "handler.below", "fast"):
        module = ModuleType(name)
        module.__dict__.update(handler=1, lambda_handler=1, __path__=[])
        monkeypatch.setitem(sys.modules, name, module)
    ran: dict[str, object] = {}
    exec(compile(source, "app.py", "exec"), ran)
    assert ran.keys() & {"handler", "set_up"}  # set_up() binds it, once it is called
    assert names >= ran.keys() - {"__builtins__", "__annotations__"}


@pytest.mark.parametrize(("source", "line"), [(b"x = 1\ndef f(\n", 2), (b"\0", None), (b"# coding: nonsense\n", None)])
def test_what_is_no_python(source: bytes, line: int | None) -> None:
    with pytest.raises(SyntaxError) as caught:
        in_python(source)
    assert line is None or caught.value.lineno == line


@pytest.mark.parametrize("source", [b"-" * 100_000 + b"1", b"x = 1" + b" + 1" * 3_000])
def test_nesting_without_end_says_nothing(source: bytes) -> None:
    assert in_python(source) is None


def test_a_warning_of_the_compiler_is_the_functions_own() -> None:
    with warnings.catch_warnings(action="error"):
        assert in_python(rb"handler = '\d'") == {"handler"}


@given(st.binary(max_size=80))
def test_any_bytes_are_names_or_no_python(source: bytes) -> None:
    try:
        names = in_python(source)
    except SyntaxError:
        with pytest.raises((SyntaxError, ValueError)):
            ast.parse(source)
        return
    assert names is None or all(name.isidentifier() for name in names)


@pytest.mark.parametrize(
    "source",
    [
        "exports.handler = async event => event",
        "export const handler = async event => event",
        "module.exports = { handler }",
        "module.exports = {\n  handler: async () => 1,\n}",
        "export { run as handler }",
    ],
)
def test_what_a_script_exports(source: str) -> None:
    words = in_javascript(source.encode())
    assert words is not None
    assert "handler" in words
    assert "handelr" not in words


@pytest.mark.parametrize(
    "source",
    [
        "module.exports = require('./built')",
        "exports = module.exports = make()",
        "exports['hand' + 'ler'] = f",
        "export * from './app.mjs'",
        "module.exports = { ...require('./app') }",
        "Object.defineProperty(exports, name, { get })",
        "Object.assign(exports, made)",
    ],
)
def test_a_script_that_may_export_anything(source: str) -> None:
    assert in_javascript(source.encode()) is None
