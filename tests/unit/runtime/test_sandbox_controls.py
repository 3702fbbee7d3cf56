"""Which controls a function gets, and when it is refused for want of one."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.functions import REQUIREMENTS
from router.config.types import Function
from router.runtime import isolation
from router.runtime.sandbox_controls import CONTROLS, STRICT, Machine, Users, effective, needed, refusal, rows, verdict

WORKS = {
    "always": "",
    "watch": "",
    "seccomp": "",
    "landlock": "",
    "namespaces": "",
    "network": "",
    "user": "",
    "landlock_abi": 7,
    "groups": 2,
    "root": True,
}
LACKS = dict.fromkeys(
    ("always", "watch", "seccomp", "landlock", "namespaces", "network", "user", "groups_why"), "Operation not permitted"
) | {
    "landlock_abi": 0,
    "groups": 0,
    "root": False,
}


def function(**rest: Any) -> Function:
    return Function("f", Path("/code"), "app.f", **rest)


def test_every_requirement_is_a_control() -> None:
    assert set(REQUIREMENTS) | set(STRICT) <= set(CONTROLS)


def test_a_machine_that_has_it_all_refuses_nothing() -> None:
    machine = Machine(WORKS, {"f": 200000})
    for level in ("auto", "strict"):
        assert refusal(machine, function(isolation=level, require=REQUIREMENTS)) == ""
    assert all(effective(machine, function(require=("no_network",)), control) for control in CONTROLS)


@pytest.mark.parametrize("control", sorted({*REQUIREMENTS} - {"memory_limit"}))
def test_a_missing_control_refuses_who_requires_it_and_names_it_and_the_remedy(control: str) -> None:
    machine = Machine(LACKS)
    said = refusal(machine, function(require=(control,)))
    assert said.startswith(f"function f requires {control}, and that is not to be had here (")
    assert said.endswith(verdict(machine, function(), control).remedy)
    assert refusal(machine, function()) == ""


def test_where_the_config_names_users_nobody_runs_as_the_daemon_for_want_of_one() -> None:
    lacking, few = Machine(WORKS | {"user": "Operation not permitted"}, {"f": 1}), Machine(WORKS, {"g": 1})
    asked = "function f is to run as a user of its own, as the config names users, and that is not to be had here"
    assert refusal(lacking, function()).startswith(f"{asked} (Operation not permitted); users: ")
    assert refusal(few, function()).startswith(f"{asked} (the config names too few users); ")
    assert refusal(few, function(isolation="none")) == ""
    assert "needs own_user" not in refusal(lacking, function(isolation="strict"))
    (row,) = [row for row in rows(lacking, [function()]) if row["name"] == "isolation own_user"]
    assert (row["ok"], row["required"], row["effective"]) == (False, True, "no: Operation not permitted")


def test_memory_is_watched_where_processes_are_seen_or_kept_in_bounds_by_groups() -> None:
    assert refusal(Machine(LACKS | {"watch": ""}), function(require=("memory_limit",))) == ""
    assert "hidepid= on /proc" in refusal(Machine(LACKS), function(require=("memory_limit",)))
    assert "memory_limit" in refusal(Machine(), function(require=("memory_limit",)))
    unseen = Machine(WORKS | {"watch": "hidden"})
    assert verdict(unseen, function(), "memory_limit").how == "control groups version 2"
    assert verdict(Machine(WORKS), function(), "memory_limit").how == "control groups version 2, and looked at every 100 ms"
    assert not verdict(unseen, function(snap_start=True), "memory_limit").works


def test_strict_is_refused_for_the_first_control_that_is_missing() -> None:
    assert needed(Machine(), function(isolation="strict")) == STRICT
    assert "has isolation: strict, which needs system_calls" in refusal(Machine(LACKS), function(isolation="strict"))
    assert refusal(Machine(WORKS), function(isolation="strict")) == ""


def test_without_namespaces_some_controls_have_another_way() -> None:
    machine = Machine(WORKS | {"namespaces": "EPERM", "network": "EPERM", "groups": 0})
    assert verdict(machine, function(), "files").how == "Landlock, version 7"
    assert verdict(machine, function(), "no_network").how == "a seccomp filter: Unix sockets only"
    assert not verdict(machine, function(runtime="provided.al2023"), "no_network").works
    assert not verdict(machine, function(), "process_limit").works  # root is not bound by RLIMIT_NPROC
    assert verdict(Machine(WORKS | {"groups": 0, "root": False}), function(), "process_limit").works
    assert verdict(Machine(machine.found, {"f": 1}), function(), "process_limit").works


def test_none_has_no_controls() -> None:
    assert not any(effective(Machine(WORKS, {"f": 1}), function(isolation="none"), control) for control in CONTROLS)


def test_rows_say_who_needs_what_and_are_ok_when_it_is_there() -> None:
    found = {row["name"].removeprefix("isolation "): row for row in rows(Machine(WORKS), [function(isolation="strict")])}
    assert list(found) == ["always_on", *CONTROLS]
    assert all(row["ok"] for row in found.values())
    assert found["private_tmp"]["wanted"].endswith("; needed by f")
    assert [name for name, row in found.items() if row["required"]] == [name for name in CONTROLS if name in STRICT]
    assert found["own_user"]["effective"].startswith("no: ")


def test_rows_fail_for_what_is_required_and_warn_for_the_rest() -> None:
    found = {row["name"].removeprefix("isolation "): row for row in rows(Machine(LACKS), [function(require=("own_user",)), function()])}
    assert (found["own_user"]["ok"], found["own_user"]["required"]) == (False, True)
    assert found["own_user"]["remedy"].endswith("; until then refused: f")
    assert (found["system_calls"]["ok"], found["system_calls"]["required"]) == (False, False)
    assert found["no_network"]["ok"]
    assert all(row["remedy"] for row in found.values() if not row["ok"])
    assert len(list(rows(Machine(), []))) == 1 + len(CONTROLS)


def test_what_every_worker_takes_on_is_one_row_and_what_the_machine_refuses_of_it_is_told_in_words() -> None:
    there, *_ = rows(Machine(WORKS), [])
    assert (there["ok"], there["effective"], there["remedy"]) == (True, "all of them", "")
    lacks, *_ = rows(Machine(WORKS | {"always": "no_new_privs, oom_score"}), [])
    assert (lacks["ok"], lacks["required"]) == (False, False)
    assert lacks["effective"] == (
        "not: set-uid programs and file capabilities give nothing; the kernel's out-of-memory killer prefers workers to the daemon"
    )
    assert lacks["remedy"]
    broken, *_ = rows(Machine(WORKS | {"always": "Resource temporarily unavailable"}), [])
    assert broken["effective"] == "not: Resource temporarily unavailable"


@given(st.sets(st.sampled_from([control.name for control in isolation.CONTROLS]), min_size=1))
def test_each_that_is_refused_is_told(refused: set[str]) -> None:
    lacks, *_ = rows(Machine(WORKS | {"always": ", ".join(sorted(refused))}), [])
    assert {control.name for control in isolation.CONTROLS if control.what in lacks["effective"]} == refused


NAMES = st.sets(st.text(max_size=20), max_size=30)


@given(st.lists(NAMES, min_size=1, max_size=5), st.integers(1000, 2**32 - 100), st.integers(0, 60))
def test_users_are_of_the_range_and_nobody_shares_one_or_gets_another(turns: list[set[str]], low: int, size: int) -> None:
    users, before = Users(), dict[str, int]()
    for names in turns:
        found = users.assigned([name for name in names if name.isprintable()], (low, low + size))
        assert len(set(found.values())) == len(found) <= size + 1
        assert all(low <= user <= low + size for user in found.values())
        assert {name: user for name, user in before.items() if name in names}.items() <= found.items()
        before = found


def test_a_user_stays_when_others_come_and_go_though_their_names_meet_on_one() -> None:
    """With five to choose from most names want one that somebody else has."""
    names, users = ["a", "b", "c"], Users()
    before = users.assigned(names, (1000, 1004))
    assert users.assigned(["0", *names], (1000, 1004)).items() >= before.items()
    assert users.assigned(["c"], (1000, 1004)) == {"c": before["c"]}
    assert users.assigned(names, (1000, 1004)) == before
    assert users.assigned(["a"], None) == {}


def test_what_somebody_had_who_is_gone_is_given_to_others_last_of_all() -> None:
    users = Users()
    gone = users.assigned(["gone"], (1000, 1002))["gone"]
    assert gone not in users.assigned(["a", "b"], (1000, 1002)).values()
    assert users.assigned(["a", "b", "c"], (1000, 1002))["c"] == gone
