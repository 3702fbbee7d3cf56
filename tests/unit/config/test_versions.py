"""Aliases and qualifiers in config.yaml."""

import pytest

from router.config.types import Alias
from tests.unit.config.conftest import BASE, Place


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{live: 3}", Alias("live", "3")),
        ("{live: {version: 3}}", Alias("live", "3")),
        ("{live: {version: $LATEST}}", Alias("live", "$LATEST")),
        ("{live: {version: 3, weights: {4: 0.1}}}", Alias("live", "3", "4", 0.1)),
        ("{live: {version: 3, weights: {4: 1}}}", Alias("live", "3", "4", 1.0)),
        ("{live: {version: 3, weights: {}}}", Alias("live", "3")),
        ("{3rd-try_B: 3}", Alias("3rd-try_B", "3")),
    ],
)
def test_an_alias(place: Place, text: str, found: Alias) -> None:
    assert list(place.load(f"{BASE}    aliases: {text}\n").functions["f"].aliases.values()) == [found]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{7: 3}", "6:15: functions.f.aliases.7: an alias is 1 to 128 letters, digits, hyphens and underscores, and not digits alone"),
        (
            '{"a b": 3}',
            "6:15: functions.f.aliases.a b: an alias is 1 to 128 letters, digits, hyphens and underscores, and not digits alone",
        ),
        ("{live: 0}", "6:21: functions.f.aliases.live.version: 0 is not the number of a published version or $LATEST"),
        ("{live: {}}", "6:21: functions.f.aliases.live.version: is required"),
        ("{live: {version: 3, weights: {4: 2}}}", "6:47: functions.f.aliases.live.weights.4: 2 is outside 0 to 1"),
        ("{live: {version: 3, weights: {x: 0.1}}}", "6:44: functions.f.aliases.live.weights.x: not the number of a published version"),
        (
            "{live: {version: 3, weights: {4: 0.1, 5: 0.1}}}",
            "6:43: functions.f.aliases.live.weights: an alias has two versions at most: its own and one with a weight",
        ),
        (
            "{live: {version: $LATEST, weights: {4: 0.1}}}",
            "6:49: functions.f.aliases.live.weights: the alias means $LATEST already; a weight is for a second version, and both must be published",
        ),
        (
            "{live: {version: 4, weights: {4: 0.1}}}",
            "6:43: functions.f.aliases.live.weights: the alias means 4 already; a weight is for a second version, and both must be published",
        ),
    ],
)
def test_what_is_no_alias(place: Place, text: str, told: str) -> None:
    assert place.mistakes(f"{BASE}    aliases: {text}\n") == [f"config.yaml:{told}"]


TRIGGERS = "    aliases: {live: 3}\n    triggers: [knock: a, knock: {door: b, qualifier: Q}]\n"


@pytest.mark.parametrize("qualifier", ["live", "3", "$LATEST"])
def test_what_a_trigger_invokes(place: Place, qualifier: str) -> None:
    function = place.load(BASE + TRIGGERS.replace("Q", qualifier)).functions["f"]
    assert function.targets() == ["f", f"f:{qualifier}"]


@pytest.mark.parametrize(
    ("qualifier", "told"),
    [
        ("liv", "no alias liv of this function, did you mean live?; write an alias, the number of a published version or $LATEST"),
        ("0", "no alias 0 of this function; write an alias, the number of a published version or $LATEST"),
        ('""', "no alias  of this function; write an alias, the number of a published version or $LATEST"),
    ],
)
def test_a_qualifier_that_names_nothing(place: Place, qualifier: str, told: str) -> None:
    assert place.mistakes(BASE + TRIGGERS.replace("Q", qualifier)) == [f"config.yaml:7:54: functions.f.triggers[1].knock.qualifier: {told}"]
