"""How a function's log is written, as config.yaml says it. The words for mistakes: test_mistakes.py, and here those of this part."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.config.log_settings import APPLICATION, SYSTEM
from router.config.types import Logging, LogGroup
from router.errors import ConfigError
from router.telemetry.levels import Level
from tests.unit.config.conftest import BASE, Place


@pytest.mark.parametrize("application", APPLICATION)
@pytest.mark.parametrize("system", SYSTEM)
def test_every_level_there_is(place: Place, application: str, system: str) -> None:
    keys = f"    log_format: json\n    application_log_level: {application}\n    system_log_level: {system}\n    log_group: /shop/all\n"
    assert place.load(BASE + keys).functions["f"].logging == Logging("json", application, system, "/shop/all")
    assert application in Level.__members__
    assert system in Level.__members__


def test_text_is_the_default(place: Place) -> None:
    assert place.load(BASE).functions["f"].logging == Logging("text", "INFO", "INFO", "")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("log_format: xml", "config.yaml:6:17: functions.f.log_format: xml is not one of text, json"),
        (
            "application_log_level: DEBUG",
            "config.yaml:6:28: functions.f.application_log_level: only log_format: json has levels; text logs are written whole",
        ),
        (
            "log_group: my group",
            "config.yaml:6:16: functions.f.log_group: my group is not a log group's name: letters, digits and . - _ / #",
        ),
        (
            f"log_group: {'/' * 81}",
            "config.yaml:6:16: functions.f.log_group: too long for the name of a directory, in which every / and # takes three characters",
        ),
    ],
)
def test_mistakes_are_told(place: Place, keys: str, said: str) -> None:
    assert place.mistakes(BASE + f"    {keys}\n") == [said]


def test_log_groups_may_have_a_retention_of_their_own(place: Place) -> None:
    found = place.load(BASE + "log_groups: {/app/audit: {retention: 3653d}, /app/plain: }\n").log_groups
    assert found == {"/app/audit": LogGroup("/app/audit", 3653 * 86400.0), "/app/plain": LogGroup("/app/plain")}


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("my group: {}", "my group: a log group's name: letters, digits and . - _ / #"),
        (f"{'/' * 81}: {{}}", "too long for the name of a directory"),
        ("/a: {retention: 3654d}", "log_groups./a.retention: 3654 d is outside 1 h to 3653 d"),
        ("/a: {colour: red}", "log_groups./a.colour: unknown key"),
    ],
)
def test_mistakes_in_log_groups_are_told(place: Place, groups: str, said: str) -> None:
    (told,) = place.mistakes(BASE + f"log_groups: {{'{groups.replace(': {', chr(39) + ': {', 1)}}}\n")
    assert said in told


@given(group=st.from_regex(r"[.\-_/#A-Za-z0-9]{1,90}", fullmatch=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_any_name_that_lambda_takes_is_taken_if_it_is_no_longer_than_a_directorys(place: Place, group: str) -> None:
    long = len(group) + 2 * sum(map(group.count, "/#")) > 240
    try:
        found = place.load(BASE + f"    log_group: '{group}'\n").functions["f"].logging.group
    except ConfigError:
        assert long
    else:
        assert found == group
