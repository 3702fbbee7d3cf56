"""Versions as they are kept."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Alias, Destination, Function, Logging
from router.functions.published import Unreadable, decoded, encoded, same

TREES = Path("/state/code")
TEXT = st.text(max_size=8).filter(lambda text: "\0" not in text and text.isprintable())
FUNCTIONS = st.builds(
    Function,
    name=st.just("f"),
    code=st.sampled_from([TREES / "abc", TREES / "opt-1"]),
    handler=TEXT,
    timeout=st.floats(1, 900),
    memory=st.integers(128, 10240),
    environment=st.dictionaries(TEXT, TEXT, max_size=3),
    command=st.lists(TEXT, max_size=3).map(tuple),
    logging=st.builds(Logging, format=st.sampled_from(["text", "json"]), group=TEXT),
    version=st.integers(1, 10**9).map(str),
    layers=st.lists(st.just(TREES / "layer"), max_size=2).map(tuple),
    opt=st.none() | st.just(TREES / "opt-2"),
    python=st.none() | st.just(Path("/venv/bin/python")),
    sha256=TEXT,
)


@given(FUNCTIONS)
def test_what_is_kept_is_had_again(function: Function) -> None:
    assert decoded(orjson.loads(orjson.dumps(encoded(function, TREES))), TREES) == function


@given(FUNCTIONS)
def test_in_another_place_it_finds_its_trees_there(function: Function) -> None:
    moved = decoded(encoded(function, TREES), Path("/restored/code"))
    assert (moved.code.parent, moved.code.name) == (Path("/restored/code"), function.code.name)
    assert moved.python == function.python


def test_what_belongs_to_the_function_is_not_kept() -> None:
    function = Function("f", TREES / "a", "app.f", reserved_concurrency=3, provisioned_concurrency=2, aliases={"live": Alias("live", "1")})
    found = decoded(encoded(function, TREES), TREES)
    assert (found.reserved_concurrency, found.provisioned_concurrency, found.aliases, found.triggers) == (None, 0, {}, ())
    assert same(function, replace(found, version="7"))
    done = Destination("queue", "done")
    own = replace(
        function, maximum_retry_attempts=0, maximum_event_age=60.0, on_success=done, on_failure=done, payloads=False, reserved_concurrency=1
    )
    assert decoded(encoded(own, TREES), TREES) == found, "nor what becomes of Event invocations"
    assert same(own, replace(found, version="7"))
    assert not same(replace(function, dead_letter=done), found), "which a dead-letter queue is not part of"
    assert not same(replace(function, memory=256), found)
    assert not same(replace(function, sha256="other"), found)


def test_fields_of_another_program_are_left_out_and_missing_ones_have_their_default() -> None:
    kept = encoded(Function("f", TREES / "a", "app.f", memory=512), TREES)
    del kept["memory"]
    assert decoded(kept | {"of_the_future": 1}, TREES) == Function("f", TREES / "a", "app.f")


@pytest.mark.parametrize(
    "wrong", [{}, {"name": "f"}, {"layers": 3}, {"environment": []}, {"logging": {"format": []}, "opt": 3, "command": 7}]
)
def test_what_is_no_version_is_said(wrong: dict[str, Any]) -> None:
    kept = encoded(Function("f", TREES / "a", "app.f"), TREES) | wrong if wrong and "name" not in wrong else wrong
    with pytest.raises(Unreadable):
        decoded(kept, TREES)


def test_a_tree_cannot_be_named_outside() -> None:
    kept = encoded(Function("f", TREES / "a", "app.f"), TREES) | {"code": "code:../../etc"}
    assert decoded(kept, TREES).code == TREES / "etc"
