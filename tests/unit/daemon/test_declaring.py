"""What a declaration makes of the config in force is what reading all of it anew would make, mistakes included."""

import gc
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.clock import SystemClock
from router.config.fragments import Fragment
from router.config.readings import Kept
from router.config.types import Config
from router.daemon.checking import built, declared, read
from router.errors import ConfigError
from router.journal.database import Database
from router.sources.base import House, Source
from router.telemetry.metrics import Metrics

CONFIG = """\
version: 1
account: "123456789012"
limits: {concurrency: 20}
buckets: {inbox: ./in}
tables: {shop: {sqlite: ./shop.db}, orders: {hash: id, stream: NEW_IMAGE}}
queues: {jobs: {redrive: {queue: lost, max_receive_count: 3}}, lost: {}}
topics: {news: {subscriptions: {all: {queue: jobs}}}}
buses: {shop: {archive: 1d}}
usage_plans: {basic: {keys: {one: "${env:KEY}"}}}
roles: {worker: {policy: [{Effect: Allow, Action: "sqs:*", Resource: "*"}]}}
rules: {listed: {pattern: {source: [a]}, targets: [{queue: jobs}, {function: "f:live"}]}}
schedules: {nightly: {expression: rate(1 day), target: {queue: jobs, role: worker}}}
functions:
  f:
    code: ./code
    handler: app.handler
    role: worker
    aliases: {live: 1}
    environment: {API_KEY: "${env:KEY}"}
    on_failure: {queue: lost}
    triggers: [{http: "GET /f"}, {queue: jobs}, {schedule: {expression: rate(1 hour), name: hourly}}]
  g: {code: ./code, handler: app.handler, triggers: [{http: {route: GET /g, api: rest, api_keys: basic}}, {s3: inbox}, {table: orders}]}
"""


NAMES = st.sampled_from(["a", "b", "f", "jobs", "nobody"])
QUEUES = st.sampled_from(["jobs", "lost", "a", "b", "c.fifo", "nobody"])
FUNCTION = st.fixed_dictionaries(
    {"code": st.sampled_from(["../code", "../code", "../code", "../code", "../nothing"]), "handler": st.just("app.handler")},
    optional={
        "timeout": st.sampled_from([3, 60, "long"]),
        "role": st.sampled_from(["worker", "r", "nobody"]),
        "reserved_concurrency": st.sampled_from([0, 5, 12]),
        "provisioned_concurrency": st.sampled_from([0, 8]),
        "environment": st.sampled_from([{}, {"TOKEN": "s3cr3t-of-nobody"}, {"TOKEN": "worker"}]),
        "on_success": st.sampled_from([{"queue": "a"}, {"topic": "news"}, {"function": "b"}, {"bucket": "inbox"}]),
        "aliases": st.sampled_from([{}, {"live": "1"}]),
        "triggers": st.lists(
            st.sampled_from([{"http": "GET /f"}, {"http": "GET /x"}, {"queue": "a"}, {"sns": "t"}, {"s3": "inbox"}]), max_size=2
        ),
    },
)
TRIGGER = st.sampled_from(
    [
        {"queue": "jobs"},
        {"queue": "a"},
        {"queue": {"name": "b", "qualifier": "live"}},
        {"sns": "news"},
        {"sns": {"topic": "t", "filter": {"a": [{"nothing": 1}]}}},
        {"http": "GET /x"},
        {"http": {"route": "GET /k", "api": "rest", "api_keys": "basic"}},
        {"url": "none"},
        {"schedule": {"expression": "rate(1 hour)", "name": "hourly"}},
        {"event": {"bus": "shop", "pattern": {"source": ["x"]}}},
        {"event": {"bus": "more", "pattern": {"source": ["x"]}}},
        {"table": "orders"},
        {"table": "more"},
        {"s3": "made"},
        {"nothing": 1},
    ]
)
TARGET = st.sampled_from(
    [
        {"queue": "a"},
        {"queue": "jobs", "role": "worker"},
        {"queue": "jobs", "role": "r"},
        {"function": "a"},
        {"function": "f:live"},
        {"bus": "more"},
    ]
)


def fragments(kind: str, names: st.SearchStrategy[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, str, Any]]:
    return st.tuples(st.just(kind), names, values)


POLICY = {"policy": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
PUTS = st.one_of(
    fragments("functions", st.sampled_from(["a", "b", "f"]), FUNCTION),
    fragments("triggers", st.sampled_from(["1", "2", "3"]), st.fixed_dictionaries({"function": st.sampled_from("abfg"), "trigger": TRIGGER})),
    fragments(
        "queues",
        QUEUES,
        st.one_of(
            st.sampled_from([{}, {"visibility_timeout": 60}, {"visibility_timeout": 1}, {"delay": "long"}, {"redrive_allow": "none"}]),
            st.builds(lambda to: {"redrive": {"queue": to, "max_receive_count": 2}}, QUEUES),
        ),
    ),
    fragments("topics", st.sampled_from(["t", "u", "news"]), st.builds(lambda to: {"subscriptions": {"s": to}}, st.one_of(
        st.builds(lambda name: {"queue": name}, QUEUES), st.builds(lambda name: {"function": name}, NAMES)))),
    fragments("rules", st.sampled_from(["r", "shop/r", "listed", "more/r"]), st.builds(lambda to: {"pattern": {"source": ["x"]}, "targets": [to]}, TARGET)),
    fragments("schedules", st.sampled_from(["s", "nightly", "team/s", "hourly"]), st.builds(lambda to: {"expression": "rate(5 minutes)", "target": to}, TARGET)),
    fragments("buses", st.sampled_from(["more", "shop"]), st.sampled_from([{}, {"archive": "2d"}, {"archive": 1}])),
    fragments("schedule_groups", st.just("team"), st.just({})),
    fragments("roles", st.sampled_from(["r", "worker"]), st.sampled_from([POLICY, {}])),
    fragments("buckets", st.sampled_from(["made", "other"]), st.sampled_from([{"path": "buckets/made"}, {"path": "buckets/other", "eventbridge": True}])),
    fragments("tables", st.sampled_from(["more", "orders"]), st.sampled_from([{"hash": "id", "stream": "KEYS_ONLY"}, {"hash": "id"}, {"hash": 1, "range": "id"}])),
    fragments(
        "notifications",
        st.sampled_from(["n", "m"]),
        st.builds(lambda to, name: {"bucket": "inbox", "id": name, **to}, st.sampled_from([{"queue": "a"}, {"topic": "t"}]), st.sampled_from("xy")),
    ),
    fragments("nothing", st.just("x"), st.just({})),
)  # fmt: skip
FIRST = (  # declared before the first step: all of it is right, and nearly all refers to something else of it
    ("queues", "a", {"redrive": {"queue": "b", "max_receive_count": 2}}),
    ("queues", "b", {}),
    ("roles", "r", {"policy": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}),
    ("functions", "a", {"code": "../code", "handler": "app.handler", "role": "r", "on_success": {"queue": "b"}}),
    ("functions", "b", {"code": "../code", "handler": "app.handler", "aliases": {"live": "1"}, "environment": {"TOKEN": "s3cr3t-of-b"}}),
    ("topics", "t", {"subscriptions": {"s": {"queue": "a"}, "u": {"function": "b"}}}),
    ("buses", "more", {}),
    ("tables", "more", {"hash": "id", "stream": "KEYS_ONLY"}),
    ("rules", "more/r", {"pattern": {"source": ["x"]}, "targets": [{"function": "b:live"}]}),
    ("rules", "q", {"pattern": {"source": ["x"]}, "targets": [{"queue": "a", "role": "r"}]}),
    ("schedules", "s", {"expression": "rate(5 minutes)", "target": {"topic": "t"}}),
    ("notifications", "n", {"bucket": "inbox", "id": "x", "queue": "a"}),
    ("triggers", "1", {"function": "b", "trigger": {"http": "GET /x"}}),
    ("triggers", "2", {"function": "b", "trigger": {"queue": "a"}}),
    ("triggers", "4", {"function": "a", "trigger": {"sns": "t"}}),
    ("triggers", "5", {"function": "f", "trigger": {"table": "more"}}),
)
STEPS = st.lists(st.tuples(PUTS, st.booleans()), min_size=1, max_size=8)  # what is declared; or taken back


@pytest.fixture(scope="module")
def config() -> Iterator[Path]:
    """Shared by all examples: nothing writes to it."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "code").mkdir()
        (directory / "code/app.py").touch()
        (directory / "in").mkdir()
        (directory / "config.yaml").write_text(CONFIG)
        yield directory / "config.yaml"


class Tried:
    """A config and its sources, or why there are none."""

    def __init__(self, make: Callable[[], Config], running: Sequence[Source] = ()) -> None:
        self.config: Config | None = None
        self.sources: list[Source] = []
        self.problems: tuple[str, ...] = ()
        try:
            config = make()
            there = {one.name: one for one in running}
            house = House(config, SystemClock(), cast("Database", None), Metrics(), running=there.get)
            self.sources = [one for found in built(house) for one in found]
            self.config = config
        except ConfigError as error:
            self.problems = error.problems

    def told(self) -> Any:
        """All of it that can be compared, in its order."""
        if self.config is None:
            return self.problems
        settings = {one.name: getattr(self.config, one.name) for one in fields(self.config) if one.name != "kept"}
        ordered = {name: list(value.items()) if isinstance(value, dict) else value for name, value in settings.items()}
        return ordered, [(one.name, one.basis) for one in self.sources]


@settings(max_examples=80)
@given(steps=STEPS)
def test_a_declaration_comes_to_what_reading_all_anew_does(config: Path, steps: list[tuple[tuple[str, str, Any], bool]]) -> None:
    """Whatever was declared and taken back before, refused or not; what is refused leaves no trace."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEY", "k" * 20 + "-worker")
        there = {(kind, name): Fragment(kind, name, value, number=at) for at, (kind, name, value) in enumerate(FIRST, start=1)}
        now = Tried(lambda: read(config, tuple(there.values())))
        for number, ((kind, name, value), taken_back) in enumerate(steps, start=len(FIRST) + 1):
            wanted = {place: one for place, one in there.items() if place != (kind, name)}
            if not taken_back:
                before = there.get((kind, name))
                wanted[kind, name] = Fragment(kind, name, value, number=before.number if before else number)
            told = tuple(sorted(wanted.values(), key=lambda one: one.number))
            assert now.config is not None, now.problems
            found = Tried(lambda told=told, now=now.config: declared(told, now), now.sources)  # type: ignore[misc]  # has defaults
            whole = Tried(lambda told=told: read(config, told, CONFIG))  # type: ignore[misc]  # as above
            assert found.told() == whole.told()
            if found.config is not None:
                now, there = found, wanted


def test_sources_that_go_on_keep_no_former_config(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source for each of thousands of buckets and tables would keep as many configs, each as large as all that is declared."""
    monkeypatch.setenv("KEY", "k" * 20)
    function = Fragment("functions", "a", {"code": "../code", "handler": "app.handler"}, number=1)
    there: list[Fragment] = [function]
    now = Tried(lambda: read(config, tuple(there)))
    before = _kept()
    for number in range(2, 100, 4):
        there += [
            Fragment("buckets", f"bucket{number}", {"path": f"../bucket{number}"}, number=number),
            Fragment("notifications", f"n{number}", {"bucket": f"bucket{number}", "queue": "jobs"}, number=number + 1),
            Fragment("tables", f"table{number}", {"hash": "id", "stream": "KEYS_ONLY"}, number=number + 2),
            Fragment("triggers", str(number), {"function": "a", "trigger": {"table": f"table{number}"}}, number=number + 3),
        ]
        assert now.config is not None, now.problems
        now = Tried(partial(declared, tuple(there), now.config), now.sources)
    assert len(now.sources) > 50
    assert _kept() - before <= 5  # of sources of which there is one, as of the bus


def _kept() -> int:
    gc.collect()
    return sum(isinstance(one, Kept) for one in gc.get_objects())
