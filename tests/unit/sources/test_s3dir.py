"""The trigger's words, and how sources are built from them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from router.buckets.roots import Root, RootGone
from router.clock import Clock
from router.config.load import load
from router.config.types import Bucket, Config, Destination, Function
from router.errors import ConfigError, JournalError
from router.events import s3
from router.sources.base import Binding, House
from router.sources.bucket_notification import BucketNotification
from router.sources.s3dir import S3DirSource, S3Trigger
from router.sources.s3dir_attach import Attachment, watcher_for
from router.sources.s3dir_scan import pause
from router.sources.s3dir_site import REFUSALS, Figures, Refusals, Storage
from router.sources.s3dir_tell import LANE, lane
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock

CONFIG = """
version: 1
buckets: {{uploads: ./up, results: ./res}}
functions:
  f:
    code: ./code
    handler: app.handler
    triggers:
      - s3: {trigger}
"""


ALL_CREATED = frozenset(f"ObjectCreated:{how}" for how in ("Put", "Post", "Copy", "CompleteMultipartUpload"))


def read(tmp_path: Path, trigger: str) -> S3Trigger:
    (tmp_path / "code").mkdir(exist_ok=True)
    (tmp_path / "code/app.py").write_text("handler = print")
    (tmp_path / "config.yaml").write_text(CONFIG.format(trigger=trigger))
    (found,) = load(tmp_path / "config.yaml", {"s3": S3Trigger}, environ={}).functions["f"].triggers
    assert isinstance(found, S3Trigger)
    return found


def mistakes(tmp_path: Path, trigger: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, trigger)
    return [problem.partition(": functions.")[2] for problem in caught.value.problems]


def test_the_name_of_a_bucket_is_enough(tmp_path: Path) -> None:
    assert read(tmp_path, "uploads") == S3Trigger("uploads", s3.Filter(ALL_CREATED))
    assert read(tmp_path, "uploads").claim == ""


def test_everything_may_be_said(tmp_path: Path) -> None:
    trigger = read(tmp_path, "{bucket: results, events: [ObjectRemoved:Delete, 's3:ObjectCreated:*'], prefix: in/, suffix: .jpg}")
    assert trigger == S3Trigger("results", s3.Filter(ALL_CREATED | {s3.REMOVED}, "in/", ".jpg"))
    assert read(tmp_path, "{bucket: results, events: 's3:ObjectRemoved:*'}").wanted.events == {s3.REMOVED, s3.MARKED}


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        ("upload", "no bucket has the name upload, did you mean uploads?"),
        ("{prefix: a}", "is required"),
        ("{bucket: uploads, event: x}", "unknown key, did you mean events?"),
        ("{bucket: uploads, eventbridge: true}", "is a setting of the bucket: write it under buckets"),
        ("{bucket: uploads, events: ['s3:ObjectRestore:Post']}", "nothing here causes s3:ObjectRestore:Post"),
        ("{bucket: uploads, events: ['s3:ObjectMade:*']}", "unknown S3 event"),
        ("{bucket: uploads, events: []}", "names no event"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, trigger: str, told: str) -> None:
    (only,) = mistakes(tmp_path, trigger)
    assert told in only


def house(tmp_path: Path, clock: Clock | None = None) -> House:
    buckets = {name: Bucket(name, tmp_path / name) for name in ("uploads", "results")}
    config = Config(tmp_path / "config.yaml", tmp_path, buckets=buckets)
    return House(config, clock or VirtualClock(), None, Metrics())  # type: ignore[arg-type]


def binding(function: str, bucket: str, tmp_path: Path) -> Binding:
    return Binding(Function(function, tmp_path, "app.handler"), S3Trigger(bucket, s3.Filter(frozenset({s3.CREATED}))), 0)


def test_there_is_one_source_for_each_bucket_that_is_named(tmp_path: Path) -> None:
    place = house(tmp_path)
    sources = S3DirSource.build([binding("f", "uploads", tmp_path), binding("g", "uploads", tmp_path)], place)
    assert [source.name for source in sources] == ["s3:uploads"]
    assert "not attached yet" in sources[0].health()
    assert sources[0].refused() == {}
    place.in_force()
    assert 'router_s3_refused_entries{bucket="uploads"} 0' in place.metrics.exposition()
    both = S3DirSource.build([binding("f", "uploads", tmp_path), binding("g", "results", tmp_path)], place)
    assert [source.name for source in both] == ["s3:uploads", "s3:results"]


class Looked(dict[str, BucketNotification]):
    """Notifications, and how often all of them were looked at."""

    looks = 0

    def values(self) -> Any:
        self.looks += 1
        return super().values()


def test_notifications_are_looked_at_once_for_all_buckets(tmp_path: Path) -> None:
    wanted = s3.Filter(ALL_CREATED)
    told = Looked({f"n{at}": BucketNotification(f"n{at}", f"b{at}", Destination("queue", "jobs"), wanted, "x") for at in range(20)})
    buckets = {one.bucket: Bucket(one.bucket, tmp_path / one.bucket) for one in told.values()}
    config = Config(tmp_path / "config.yaml", tmp_path, buckets=buckets, notifications=told)
    told.looks = 0
    sources = S3DirSource.build([], House(config, VirtualClock(), None, Metrics()))  # type: ignore[arg-type]
    assert told.looks == 1
    assert [source.name for source in sources] == [f"s3:b{at}" for at in range(20)]
    assert [source.basis[2] for source in sources] == [(one,) for one in told.values()]  # type: ignore[index]


# -- the root that may follow


def test_what_an_unmounted_file_system_leaves_behind_is_no_root(tmp_path: Path) -> None:
    mounted, other, plain, under = Root(-1, 1, 1), Root(-2, 2, 1), Root(3, 0, 7), Root(4, 0, 8)
    attachment = Attachment(Bucket("b", tmp_path), [], (), house(tmp_path))
    attachment._may_follow(plain)
    attachment._roots = [plain, mounted]
    attachment._may_follow(other)
    attachment._may_follow(plain)  # what was mounted over it is gone again
    with pytest.raises(RootGone, match="was a mount point and is not one now"):
        attachment._may_follow(under)
    attachment._roots = [plain]
    attachment._may_follow(under)
    attachment._may_follow(mounted)


async def test_a_watcher_is_opened_as_configured(tmp_path: Path) -> None:
    for kind, watched in (("inotify", True), ("scan", False)):
        watcher, reports = await watcher_for(Bucket("b", tmp_path, watcher=kind))  # type: ignore[arg-type]
        assert reports is watched
        watcher.close()


def test_a_long_scan_of_a_watched_bucket_is_followed_by_a_long_rest() -> None:
    assert pause(2.0, 60.0, watched=True) == 60.0
    assert pause(20.0, 60.0, watched=True) == 180.0
    assert pause(20.0, 60.0, watched=False) == 60.0


# -- lanes, refusals, a store that takes nothing


def test_a_lane_is_the_key_or_a_short_stand_in_that_tells_keys_apart() -> None:
    assert lane("in/a.jpg") == "in/a.jpg"
    long = "d/" * 200
    assert len(lane(long)) == LANE
    assert lane(long + "a") != lane(long + "b")
    assert lane(long) == lane(long)


def test_a_refused_name_is_told_once_until_it_changes_or_goes() -> None:
    metrics = Metrics()
    figures = Figures("b", metrics)
    refusals = Refusals("b", figures)
    for _ in range(3):
        refusals.add("k", "unreadable", "Permission denied", 1)
    assert (figures.refused_entries, refusals.listed()) == (1, {"k": "unreadable"})
    refusals.add("k", "unreadable", "Permission denied", 2)
    assert metrics.counter("router_s3_refusals_total", "", "bucket", "reason").value("b", "unreadable") == 2
    refusals.begin_scan()
    refusals.meet("k")
    refusals.end_scan()
    assert refusals.listed()
    refusals.begin_scan()
    refusals.end_scan()
    assert (figures.refused_entries, refusals.listed()) == (0, {})


def test_refusals_are_bounded() -> None:
    figures = Figures("b", Metrics())
    refusals = Refusals("b", figures)
    for number in range(REFUSALS + 100):
        refusals.add(f"{number}\udcff", "not_utf8")
    assert figures.refused_entries == len(refusals.listed()) == REFUSALS
    assert len(refusals._met) == REFUSALS


def test_pauses_grow_while_the_store_takes_nothing_and_many_refusals_are_one() -> None:
    clock = VirtualClock()
    storage, pauses = Storage(clock), []
    for _ in range(10):
        for _ in range(5):
            storage.failed(JournalError("disk full"))
        pauses.append(storage.until - clock.monotonic())
        clock._monotonic = storage.until
    assert [round(pause, 3) for pause in pauses[:7]] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert storage.trouble == "disk full"
    storage.worked()
    assert (storage.trouble, storage.pause) == ("", 0.1)


def test_reading_a_config_stays_quick() -> None:
    """Neither the machinery nor its libraries are imported with the trigger's words."""
    code = "import sys, router.sources.s3dir; print([name for name in ('watchdog', 'router.sources.s3dir_look') if name in sys.modules])"
    allowed = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3])}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=allowed).stdout
    assert found == "[]\n"
