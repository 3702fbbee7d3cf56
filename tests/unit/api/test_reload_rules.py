"""What a reload may change, and what it changes."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.reload_rules import RELOADED, Changes, changes, keys, places, redeployed, refused, reopened, settled
from router.config.load import load
from router.config.types import Alias, Bucket, Config, Function, ItemTable, Limits, Listen, Retention, Role, Table
from router.daemon import check

CONFIG = Config(Path("/etc/config.yaml"), Path("/state"))


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"state": Path("/other")}, "state"),
        ({"region": "eu-west-1"}, "region"),
        ({"account": "210987654321"}, "account"),
        ({"http": Listen("off")}, "listen.http"),
        ({"console": Listen("off")}, "listen.console"),
    ],
)
def test_what_is_fixed_at_the_start_is_refused_by_its_key(changed: dict[str, object], key: str) -> None:
    wanted = replace(CONFIG, **changed)  # type: ignore[arg-type]
    assert refused(CONFIG, wanted) == (f"config.yaml: {key}: cannot be changed while the daemon runs; restart it, or write what it was",)
    assert refused(wanted, wanted) == ()


def test_what_is_refused_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("version: 1\nregion: eu-west-1\nlisten: {aws: off}\n")
    wanted = load(file, {}, environ={})
    found = refused(replace(wanted, region="us-east-1", http=Listen("off"), account="210987654321"), wanted)
    assert [problem.partition(": cannot")[0] for problem in found] == [
        "config.yaml:2:9: region",
        "config.yaml: account",
        "config.yaml:3:9: listen.http",
    ]


def test_all_of_them_at_once_and_what_is_taken_up_is_none_of_them() -> None:
    assert len(refused(CONFIG, replace(CONFIG, state=Path("/other"), region="eu-west-1"))) == 2
    assert refused(CONFIG, replace(CONFIG, limits=Limits(concurrency=3), drain=1.0, secrets=frozenset({"x"}))) == ()
    assert {one.name for one in fields(Config)} >= RELOADED


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        ({"limits": Limits(concurrency=3)}, ["limits"]),
        ({"drain": 1.0, "retention": Retention(logs=7200.0)}, ["drain", "retention"]),
        ({"buckets": {"a-b": Bucket("a-b", Path("/data"))}}, ["buckets"]),
        ({"item_tables": {"carts": ItemTable("carts", ("id", "S"))}}, ["tables"]),
        ({"functions": {"f": Function("f", Path("/code"), "app.f", aliases={"live": Alias("live", "1")})}}, ["functions"]),
        ({"secrets": frozenset({"x"}), "text": "version: 1"}, []),
    ],
)
def test_keys_under_which_something_changed(changed: dict[str, object], told: list[str]) -> None:
    wanted = replace(CONFIG, **changed)  # type: ignore[arg-type]
    assert keys(CONFIG, wanted) == keys(wanted, CONFIG) == told


def test_a_config_that_is_read_again_has_not_changed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def f(event, context): pass\n")
    file = tmp_path / "config.yaml"
    file.write_text(
        "version: 1\nbuckets: {inbox: ./inbox}\nqueues: {jobs: {}}\nrules: {r: {pattern: {a: [b]}, targets: [{queue: jobs}]}}\n"
        "roles: {w: {policy: [{Effect: Allow, Action: 's3:*', Resource: '*'}]}}\n"
        "functions: {f: {code: ., handler: app.f, role: w, triggers: [{s3: inbox}, {http: GET /}, {schedule: rate(1 day)}, {queue: jobs}]}}\n"
    )
    assert keys(check(file, ()), check(file, ())) == []


def test_places() -> None:
    config = replace(CONFIG, buckets={"a-b": Bucket("a-b", Path("/data"))}, tables={"t.u": Table("t.u", Path("/shop.db"), "t")})
    assert places(config) == {"BUCKET_A_B": "/data", "TABLE_T_U": "/shop.db"}


def role(name: str, *actions: str) -> Role:
    return Role(name, {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})


def test_a_role_that_opens_a_directory_otherwise_is_told() -> None:
    """Also one that opens more; not one that only allows something else, is new, or has gone."""
    buckets = {"data": Bucket("data", Path("/data"))}
    now = {"less": role("less", "s3:*"), "more": role("more", "s3:GetObject"), "same": role("same", "s3:*"), "gone": role("gone", "s3:*")}
    wanted = {"less": role("less", "s3:GetObject"), "more": role("more", "s3:*"), "same": role("same", "s3:*", "sqs:*"), "new": role("new")}
    before, after = (
        replace(CONFIG, buckets=buckets, roles=now),
        replace(CONFIG, buckets=buckets, roles=wanted | {"new": role("new", "s3:*")}),
    )
    assert reopened(before, after) == {"less", "more"}
    assert reopened(before, replace(after, buckets={})) == frozenset()


FUNCTIONS = st.dictionaries(st.sampled_from("abcd"), st.integers(128, 130)).map(
    lambda found: {name: Function(name, Path("/code"), "app.f", memory=memory) for name, memory in found.items()}
)


@given(FUNCTIONS, FUNCTIONS)
def test_changes_lead_from_one_to_the_other(now: dict[str, Function], wanted: dict[str, Function]) -> None:
    found = changes(now, wanted)
    left = {name: function for name, function in now.items() if name not in found.removed}
    assert left | {name: wanted[name] for name in (*found.added, *found.changed)} == wanted
    assert all(now[name] != wanted[name] for name in found.changed)
    assert changes(wanted, wanted) == Changes([], [], [])


@given(FUNCTIONS, FUNCTIONS)
def test_what_has_not_changed_is_the_same_object(now: dict[str, Function], wanted: dict[str, Function]) -> None:
    found = settled(now, wanted)
    assert found == wanted
    assert list(found) == list(wanted)
    assert all(found[name] is now[name] for name in found if now.get(name) == wanted[name])


def test_what_the_api_declared_has_no_variable() -> None:
    """Each would be an end to all environments there are."""
    buckets = {"mine": Bucket("mine", Path("/m")), "theirs": Bucket("theirs", Path("/t"))}
    config = replace(CONFIG, buckets=buckets, owners={("buckets", "mine"): "config", ("buckets", "theirs"): "api"})
    assert places(config) == {"BUCKET_MINE": "/m"}


@given(FUNCTIONS, FUNCTIONS, st.sets(st.sampled_from("abcd")))
def test_only_what_a_change_is_about_is_deployed_anew(now: dict[str, Function], wanted: dict[str, Function], running: set[str]) -> None:
    found = {one.name for one in redeployed(replace(CONFIG, functions=now), replace(CONFIG, functions=wanted), running)}
    assert found == {name for name, one in wanted.items() if name not in running or now.get(name) != one}


def test_another_trigger_or_alias_is_no_other_function() -> None:
    now = {"f": Function("f", Path("/code"), "app.f")}
    wanted = {"f": replace(now["f"], places=(3,), qualifiers=("",), aliases={"a": Alias("a", "1")})}
    assert redeployed(replace(CONFIG, functions=now), replace(CONFIG, functions=wanted), {"f"}) == []
