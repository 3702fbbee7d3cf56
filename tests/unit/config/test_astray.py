"""Buckets that a link leads astray: a mistake for who asks, one detached bucket for a daemon that starts."""

from functools import partial
from pathlib import Path

import pytest

from router.buckets import roots
from router.config.astray import led_astray
from router.config.load import load
from router.config.types import Config
from router.errors import ConfigError
from tests.unit.config.conftest import Place

TEXT = "version: 1\nbuckets: {one: data/one, two: data/two, three: {path: data/deep/three, after: {move: done}}}\n"


def started(place: Place, text: str = TEXT, former: Config | None = None) -> Config:
    """The config as a daemon has it that starts."""
    place.file.write_text(text)
    return load(place.file, {}, former=former, apart=True)


@pytest.fixture
def home(place: Place) -> Path:
    for name in ("data/one", "data/two", "data/deep/three", "done", "state/logs"):
        (place.root / name).mkdir(parents=True)
    return Path(place.root)


def replace(path: Path, leads_to: str) -> None:
    """As whoever may write beside it can."""
    path.rename(path.with_name("moved-aside"))
    path.symlink_to(leads_to)


@pytest.mark.parametrize(
    ("link", "leads_to", "astray"),
    [
        ("data/one", "../state", "one"),
        ("data/one", "../state/logs", "one"),
        ("data/one", "..", "one"),
        ("data/one", "two", "one"),
        ("data/two", "one", "two"),
        ("data/one", "deep", "one"),
        ("data/two", "deep/three/in", "two"),
        ("data/deep", "../state", "three"),
        ("data/deep/three", "../two", "three"),
    ],
)
def test_the_one_bucket_has_its_place_as_it_is_written_where_nobody_follows_a_link(
    place: Place, home: Path, link: str, leads_to: str, astray: str
) -> None:
    replace(home / link, leads_to)
    with pytest.raises(ConfigError):
        place.load(TEXT)
    config = started(place)
    written = {"one": "data/one", "two": "data/two", "three": "data/deep/three"}
    assert {name: bucket.lies for name, bucket in config.buckets.items()} == {name: home / path for name, path in written.items()}
    assert [(name, path) for name, path, _ in led_astray(config)] == [(astray, str(home / written[astray]))]
    for name, bucket in config.buckets.items():
        find = partial(roots.find, bucket.place, required=False)
        if name != astray:
            find()
            continue
        with pytest.raises(roots.RootGone, match=r"leads elsewhere|is missing|cannot be read: (Not a directory|Too many levels)"):
            find()


@pytest.mark.parametrize("leads_to", ["state", "state/logs", "data/deep/three", "data/deep/three/in"])
def test_where_objects_move_to_is_as_it_is_written_too(place: Place, home: Path, leads_to: str) -> None:
    replace(home / "done", leads_to)
    with pytest.raises(ConfigError):
        place.load(TEXT)
    config = started(place)
    assert config.buckets["three"].goal == home / "done"
    assert [(name, path) for name, path, _ in led_astray(config)] == [("three", str(home / "done"))]


def test_an_operator_s_links_are_followed(place: Place, home: Path) -> None:
    (home / "mnt").mkdir()
    replace(home / "data/one", "../mnt")
    replace(home / "done", "mnt")
    config = started(place)
    assert config == place.load(TEXT)
    assert config.buckets["one"].lies == home / "mnt"
    assert not list(led_astray(config))


@pytest.mark.parametrize("path", ["data", "state/in", ".", "data/two", "data/two/in"])
def test_what_is_written_wrong_stays_a_mistake(place: Place, home: Path, path: str) -> None:
    assert home
    with pytest.raises(ConfigError):
        started(place, TEXT.replace("data/one", path))


def test_a_declaration_that_comes_later_does_not_bring_the_place_back(place: Place, home: Path) -> None:
    replace(home / "data/one", "../state")
    first = started(place)
    again = started(place, former=first)
    assert again.buckets == first.buckets
    (home / "data/one").unlink()
    (home / "data/moved-aside").rename(home / "data/one")
    assert started(place, former=again).buckets["one"].lies == home / "data/one"
