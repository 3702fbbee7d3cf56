"""Which version an alias means."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Alias, Config, Destination, Function
from router.functions.aliases import choose, unpublished, versions_of
from router.sources.ruling import Ruling
from router.sources.targets import Target


@given(st.floats(0, 1, exclude_max=True))
def test_without_a_second_version_the_draw_is_nothing(draw: float) -> None:
    assert choose(Alias("live", "3"), draw) == "3"


@given(st.floats(0, 1), st.integers(1, 500))
def test_the_second_version_has_its_share_of_the_draws(weight: float, count: int) -> None:
    """Of draws at even distances, as many as the weight says, but for one."""
    alias = Alias("live", "3", "4", weight)
    second = sum(choose(alias, number / count) == "4" for number in range(count))
    assert abs(second - weight * count) <= 1


def test_the_ends() -> None:
    assert {choose(Alias("a", "3", "4", 0.0), draw) for draw in (0.0, 0.999999)} == {"3"}
    assert {choose(Alias("a", "3", "4", 1.0), draw) for draw in (0.0, 0.999999)} == {"4"}


def test_what_is_named_and_not_published() -> None:
    aliases = {"live": Alias("live", "1", "2", 0.5), "now": Alias("now", "$LATEST")}
    function = Function("f", Path("/f"), "app.f", aliases=aliases, qualifiers=("", "live", "7", "$LATEST"))
    assert versions_of(aliases["live"]) == ("1", "2")
    targets = tuple(Target(Destination("function", name)) for name in ("f", "f:live", "f:2", "f:8"))
    rules = {"big": Ruling("big", targets=targets)}
    config = Config(Path("/c"), Path("/s"), functions={"f": function}, rules=rules)
    assert unpublished(config, {"f:1", "f:2", "f:7", "f:8"}) == []
    assert [problem.partition(";")[0] for problem in unpublished(config, {"f:2"})] == [
        "functions.f.aliases.live: version 1 is not published",
        "functions.f.triggers: version 7 is not published",
        "rules.big: f:8 is not published",
    ]
