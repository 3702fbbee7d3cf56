"""What a sandbox hides and shows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Function
from router.runtime.sandbox_controls import Machine
from router.runtime.sandbox_plan import MB, Needs, Site, hidden, plan, rules, steps
from tests.unit.runtime.test_sandbox_controls import LACKS, WORKS

SITE = Site(
    state="/srv/house/state",
    config="/srv/house/config.yaml",
    credentials="/run/credentials/router.service",
    codes=frozenset({"/srv/house/a", "/srv/house/b", "/srv/house/a/shared"}),
    shared=frozenset({"/srv/house/data/uploads"}),
    runtime=("/usr/lib/python", "/home/me/venv"),
)
NEEDS = Needs("/srv/house/a", reads=("/srv/house/state/runtime/python",), writes=("/srv/house/shop",))


def function(**rest: Any) -> Function:
    return Function("f", Path("/srv/house/a"), "app.f", **rest)


def seen(steps: list[tuple[str, str]], path: str) -> str:
    """How a path is seen in the end: by the last step that concerns it."""
    found = "as it is"
    for place, how in steps:
        if path == place or path.startswith(f"{place}/"):
            found = how
    return found


def test_the_daemons_own_and_other_functions_code_are_hidden_and_ones_own_is_read_only() -> None:
    for strict in (False, True):
        made = steps(SITE, NEEDS, strict=strict, root=False)
        for path in (SITE.state, f"{SITE.state}/journal.db", SITE.config, SITE.credentials, "/srv/house/b/app.py"):
            assert seen(made, path) == "hide", path
        assert seen(made, "/srv/house/a/app.py") == seen(made, "/srv/house/a/shared/x.py") == "read"
        assert seen(made, "/srv/house/state/runtime/python/boto3") == "read"
        assert seen(made, "/tmp/x") == seen(made, "/var/tmp/x") == "tmp"


def test_what_is_nobodys_business_is_left_alone_or_hidden_by_strict() -> None:
    loose, strict = steps(SITE, NEEDS, strict=False, root=False), steps(SITE, NEEDS, strict=True, root=True)
    assert [seen(loose, path) for path in ("/srv/house/data/uploads/x", "/home/me/notes", "/usr/bin/sh")] == ["as it is"] * 3
    assert seen(strict, "/srv/house/data/uploads/x") == seen(strict, "/srv/house/shop/shop.db") == "write"
    assert seen(strict, "/home/me/notes") == seen(strict, "/run/docker.sock") == seen(strict, "/etc/shadow") == "hide"
    assert seen(strict, "/home/me/venv/lib") == seen(strict, "/usr/bin/sh") == "read"


def test_a_config_in_tmp_brings_its_directory_along_and_hides_the_same() -> None:
    site = Site("/tmp/try/state", "/tmp/try/config.yaml", codes=frozenset({"/tmp/try/a", "/tmp/try/b"}))
    made = steps(site, Needs("/tmp/try/a"), strict=False, root=False)
    assert [seen(made, f"/tmp/{path}") for path in ("other", "try/out", "try/a", "try/b", "try/state/x", "try/config.yaml")] == [
        *("tmp", "write", "read"),
        *("hide", "hide", "hide"),
    ]
    assert seen(steps(site, Needs("/tmp/try/a"), strict=True, root=False), "/tmp/try/out") == "hide"


def test_variables_open_nothing_of_the_daemons_and_nothing_at_all_where_the_api_wrote_them() -> None:
    needs = Needs("/srv/house/a", writes=("/srv/house/shop", f"{SITE.state}/tables", f"{SITE.state}/logs", SITE.credentials))
    for isolation, found in (("auto", WORKS), ("strict", WORKS), ("strict", LACKS)):
        told = plan(Machine(found), SITE, function(isolation=isolation), needs, room="r")
        assert told is not None
        shown = [*(told.get("view") or {"steps": ()})["steps"], *told.get("rules", ())]
        assert not [path for path, how in shown if how in {"write", True} and path.startswith((SITE.state, SITE.credentials))]
        assert ("/srv/house/shop", True) in shown or isolation == "auto"
    declared = replace(SITE, declared=frozenset({"f"}), denied=frozenset({"/srv/house/shop"}))
    theirs = plan(Machine(WORKS), replace(SITE, uses={"r": declared}), function(isolation="strict", role="r"), needs, room="r")
    assert theirs is not None
    assert seen(theirs["view"]["steps"], "/srv/house/shop/x") == "hide"
    assert "/srv/house/shop" not in dict(theirs["rules"])


def test_what_lies_above_hidden_things_keeps_its_name_where_it_could_lose_it() -> None:
    site = replace(SITE, movable=frozenset({"/srv/house", "/srv/house/data", "/srv/house/state", "/srv/house/state/code", "/tmp/x"}))
    pinned = {path for path, how in steps(site, NEEDS, strict=False, root=False) if how == "pin"}
    assert pinned == {"/srv/house", "/srv/house/data"}
    strict = steps(site, replace(NEEDS, writes=("/srv/house/data",)), strict=True, root=False)
    assert [path for path, how in strict if how == "pin"] == []
    house = replace(site, config="/tmp/try/config.yaml", movable=frozenset({"/tmp/try", "/tmp/try/handlers"}))
    assert [path for path, how in steps(house, NEEDS, strict=False, root=False) if how == "pin"] == ["/tmp/try/handlers"]


def test_a_secrets_file_is_hidden_but_from_whose_variables_name_it() -> None:
    site = replace(SITE, secrets=frozenset({"/srv/house/token"}))
    named = {"TOKEN_FILE": "/srv/house/token"}
    for declared, environment, seen_as in ((False, {}, "hide"), (True, named, "hide"), (False, named, "as it is")):
        place = replace(site, declared=frozenset({"f"} if declared else ()))
        told = plan(Machine(WORKS), place, function(environment=environment), NEEDS, room="r")
        assert told is not None
        assert seen(told["view"]["steps"], "/srv/house/token") == seen_as


def test_what_may_be_read_only_is_so_where_nothing_around_it_is_hidden() -> None:
    """Under auto a directory is as it is: a role that may only read a bucket, and the daemon's own program, need a mount of their own."""
    site = replace(SITE, readable=frozenset({"/srv/house/data/pictures"}), own=frozenset({"/home/me/venv"}))
    for strict in (False, True):
        made = steps(site, NEEDS, strict=strict, root=False)
        assert [seen(made, path) for path in ("/srv/house/data/pictures/x", "/home/me/venv/lib/x.py")] == ["read", "read"]
    declared = steps(site, replace(NEEDS, writes=("/srv/house/data/pictures",)), strict=False, root=False)
    assert seen(declared, "/srv/house/data/pictures/x") == "write"


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(PATHS, PATHS, PATHS, st.frozensets(PATHS, max_size=5), st.booleans())
def test_whatever_lies_where_own_code_is_seen_and_the_state_is_not(
    state: str, file: str, code: str, codes: frozenset[str], strict: bool
) -> None:
    site = Site(state, f"{file}/config.yaml", codes=codes | {code})
    made = steps(site, Needs(code), strict=strict, root=False)
    assert [path.split("/") for path, _ in made] == sorted(path.split("/") for path, _ in made)
    assert seen(made, code) == "read"
    if not code.startswith(state):
        assert seen(made, f"{state}/journal.db") == "hide" or any(path.startswith(f"{state}/") for path in codes)
    for other in hidden(site, Needs(code)) - {state, code}:
        assert seen(made, f"{other}/x") == "hide" or code.startswith(f"{other}/")


def test_what_lies_in_what_is_hidden_needs_no_step_of_its_own() -> None:
    codes = frozenset(f"/srv/house/state/code/{number}" for number in range(1000))
    site = Site("/srv/house/state", "/srv/house/config.yaml", codes=codes | {"/srv/house/b", "/srv/house/b/c", "/srv/house/b-c"})
    needs = Needs("/srv/house/state/code/7", reads=("/srv/house/b/c/d",))
    made = steps(site, needs, strict=False, root=False)
    assert len(made) < 10
    assert seen(made, "/srv/house/state/code/7/app.py") == seen(made, "/srv/house/b/c/d/e") == "read"
    assert {seen(made, path) for path in (*codes - {needs.code}, "/srv/house/b/c", "/srv/house/b-c")} == {"hide"}
    told = plan(Machine(LACKS), site, function(), needs, room="r")
    assert told is not None
    assert told["all_but"] == ["/srv/house/b", "/srv/house/b-c", "/srv/house/config.yaml", "/srv/house/state"]


def test_rules_of_strict_let_nobody_write_but_where_it_is_meant() -> None:
    allowed = dict(rules(SITE, NEEDS))
    assert [path for path, writable in allowed.items() if writable] == [
        *("/tmp", "/var/tmp", "/proc", "/dev/shm", "/dev/null", "/dev/zero", "/dev/full", "/dev/tty"),
        *("/srv/house/data/uploads", "/srv/house/shop"),
    ]
    assert not any(SITE.state.startswith(path) or path == "/" for path in allowed)


def test_a_plan_takes_what_works() -> None:
    full = plan(Machine(WORKS), SITE, function(isolation="strict", require=("no_network",), memory=256), NEEDS, room="r")
    assert full is not None
    assert (full["namespaces"], full["offline"], full["listen"], full["seccomp"], full["landlock"]) == (True, True, False, True, 7)
    assert (full["memory"], full["storage"], full["user"]) == ((256 + 512) * MB, 512 * MB, None)
    bare = plan(Machine(LACKS), SITE, function(), NEEDS, room="r")
    assert bare is not None
    assert (bare["namespaces"], bare["seccomp"], bare["landlock"], bare["memory"]) == (False, False, 0, 128 * MB)
    assert bare["all_but"] == sorted({SITE.state, SITE.config, SITE.credentials, "/srv/house/b"})
    assert plan(Machine(WORKS), SITE, function(isolation="none"), NEEDS, room="r") is None


def test_a_user_of_its_own_and_a_listener_where_they_are_asked_for() -> None:
    made = plan(Machine(WORKS, {"f": 200007}), SITE, function(runtime="provided", require=("no_network",)), NEEDS, room="r")
    assert made is not None
    assert (made["user"], made["listen"]) == (200007, True)
