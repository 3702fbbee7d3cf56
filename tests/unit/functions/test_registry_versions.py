"""Versions and aliases among what can be invoked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.config.types import Alias, Config, Destination, Function
from router.errors import FunctionNotFound
from router.functions.registry import Functions

LATEST = Function("f", Path("/new"), "app.f", aliases={"live": Alias("live", "1", "2", 0.25), "now": Alias("now", "$LATEST")})
FIRST, SECOND = (replace(LATEST, code=Path(f"/{number}"), version=number, aliases={}) for number in "12")
CONFIG = Config(Path("/config.yaml"), Path("/state"), functions={"f": LATEST})


def functions(draw: float = 0.5, *published: Function) -> Functions:
    return Functions(CONFIG, published=published or (FIRST, SECOND), draw=lambda: draw)


@pytest.mark.parametrize(
    ("target", "draw", "version"),
    [
        ("f", 0.0, "$LATEST"),
        ("f:$LATEST", 0.0, "$LATEST"),
        ("f:1", 0.0, "1"),
        ("f:2", 0.9, "2"),
        ("f:live", 0.9, "1"),
        ("f:live", 0.2, "2"),
        ("f:now", 0.5, "$LATEST"),
    ],
)
def test_what_runs(target: str, draw: float, version: str) -> None:
    subject = functions(draw)
    assert subject.get(target).version == version
    assert subject.target(target) == target
    assert subject.get("f", target.partition(":")[2]).version == version


@pytest.mark.parametrize("target", ["f:3", "f:other", "g", "g:1"])
def test_what_is_not_there(target: str) -> None:
    with pytest.raises(FunctionNotFound, match=f"function:{target}$"):
        functions().get(target)


def test_an_alias_of_a_version_that_is_gone_names_nothing() -> None:
    subject = functions(0.9)
    subject.unpublish("f", "1")
    with pytest.raises(FunctionNotFound, match=r"function:f:live$"):
        subject.get("f:live")
    assert functions(0.1, SECOND).get("f:live") == SECOND


def test_what_becomes_of_event_invocations_is_the_functions_as_it_is_now() -> None:
    subject, done = functions(), Destination("queue", "done")
    own: dict[str, Any] = {
        "maximum_retry_attempts": 0,
        "maximum_event_age": 60.0,
        "on_success": done,
        "on_failure": done,
        "payloads": False,
    }
    latest = replace(LATEST, dead_letter=done, memory=512, **own)
    subject.adopt(replace(CONFIG, functions={"f": latest}), {"f": latest})
    assert subject.get("f:1") == subject.known("f:1") == replace(FIRST, **own), "but a dead-letter queue is a version's"
    subject.publish(replace(SECOND, version="3"))
    assert subject.get("f:3") == replace(SECOND, version="3", **own)
    subject.adopt(CONFIG, CONFIG.functions)
    assert subject.get("f:1") == FIRST


def test_under_an_alias_that_is_gone_an_event_ends_by_the_function_as_it_is_now() -> None:
    subject, now = functions(), replace(LATEST, maximum_event_age=60.0)
    subject.adopt(replace(CONFIG, functions={}), {})
    assert subject.known("f:gone") == LATEST
    subject.adopt(replace(CONFIG, functions={"f": now}), {"f": now})
    assert subject.known("f:gone") == now


def test_reserved_concurrency_is_the_functions_as_it_is_now() -> None:
    subject = functions()
    off = replace(LATEST, reserved_concurrency=0)
    subject.adopt(replace(CONFIG, functions={"f": off}), {"f": off})
    assert subject.get("f:1") == replace(FIRST, reserved_concurrency=0)
    assert subject.is_off("f:1")


def test_a_function_that_goes_takes_its_versions_along_and_brings_them_back() -> None:
    subject = functions()
    subject.adopt(replace(CONFIG, functions={}), {})
    with pytest.raises(FunctionNotFound):
        subject.get("f:1")
    assert subject.known("f:1").name == "f"
    assert {one.version for one in subject.versions()} == {"1", "2"}
    subject.adopt(CONFIG, {"f": LATEST})
    assert subject.get("f:1") == FIRST
