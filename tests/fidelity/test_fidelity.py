"""Our events are AWS's, field by field; no score falls below what docs/fidelity.md says, and the page is not stale."""

import json
import re

import pytest

from tests.fidelity import page
from tests.fidelity.case import GOLDEN, Case, Deviation, flawed, left_out
from tests.fidelity.compare import fields
from tests.fidelity.scope import NOT_PRODUCED
from tests.fidelity.score import CASES, Score, known, scores
from tests.fidelity.wildcards import Tokens


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_field_is_that_of_the_sample_or_known_to_differ(case: Case) -> None:
    assert case.unexplained() == []
    assert case.idle() == [], "said to differ, and does not"
    assert any(field.right for field in case.fields)


def test_every_sample_is_compared_or_used_by_a_test_or_said_to_be_out_of_scope() -> None:
    there = {path.stem for path in GOLDEN.glob("*.json")}
    used = {case.sample for case in CASES}
    assert used & set(NOT_PRODUCED) == set()
    tests = "\n".join(path.read_text(encoding="utf-8") for path in GOLDEN.parent.rglob("test_*.py")) + "\n".join(
        path.read_text(encoding="utf-8") for path in (GOLDEN.parent / "helpers").glob("*.py")
    )
    assert {name for name in there - used - set(NOT_PRODUCED) if f"{name}.json" not in tests} == set()


def test_every_sample_has_its_origin_and_licence_told() -> None:
    rows = re.findall(r"^\| (\S+)\.json \| (.+) \| (MIT-0|Apache-2\.0|our own) \| .+ \|$", (GOLDEN / "README.md").read_text(), re.MULTILINE)
    assert {name for name, _, _ in rows} == {path.stem for path in GOLDEN.glob("*.json")}


def test_no_score_is_below_the_page_and_the_page_is_not_stale() -> None:
    written = page.PAGE.read_text(encoding="utf-8")
    assert page.fallen(written, scores()) == []
    assert page.placed(written, page.text(scores(), known())) == written, "run python -m tests.fidelity"
    assert set(page.floor(written)) == {case.kind for case in CASES}


# -- the tools themselves: each must be able to say no


@pytest.mark.parametrize(
    ("theirs", "ours", "right"),
    [
        ({"a": 1}, {"a": 1}, [True]),
        ({"a": 1}, {"a": 1.0}, [True]),
        ({"a": 1}, {"a": "1"}, [False]),
        ({"a": 1}, {"a": True}, [False]),
        ({"a": None}, {"a": None}, [True]),
        ({"a": None}, {}, [False]),
        ({"a": None}, {"a": ""}, [False]),
        ({}, {"a": {"b": 1, "c": 2}}, [False, False]),
        ({"a": {}}, {"a": {}}, [True]),
        ({"a": {}}, {"a": []}, [False]),
        ({"a": {}}, {"a": {"b": 1}}, [False]),
        ([1, 2], [1], [True, False]),
        ([1], [1, 2], [True, False]),
        ([{"a": 1}], [{"a": 2, "b": 3}], [False, False]),
        ("x", "x", [True]),
    ],
)
def test_every_leaf_of_either_side_is_a_field(theirs: object, ours: object, right: list[bool]) -> None:
    assert [field.right for field in fields(theirs, ours)] == right


def test_a_field_knows_where_it_is() -> None:
    assert [field.path for field in fields({"Records": [{"a": 1, "b": []}]}, {"Records": [{"a": 1}]})] == ["Records.0.a", "Records.0.b"]


@pytest.mark.parametrize(
    ("template", "ours", "agrees"),
    [
        ("<uuid:1>", "17793124-05d4-b198-2fde-7ededc63b103", True),
        ("<uuid:1>", "17793124-05d4", False),
        ("<uuid:1>", None, False),
        ("arn:<partition>:s3:::<bucket>", "arn:aws:s3:::b", True),
        ("arn:<partition>:s3:::<bucket>", "arn:gcp:s3:::b", False),
        ("date", "2019-09-03T19:37:27.192Z", True),
        ("date", "2019-09-03 19:37:27", False),
        ("<timestamp:2022-07-13T13:48:01Z>", "2019-09-03T19:37:27Z", True),
        ("<timestamp:2022-07-13T13:48:01Z>", "2019-09-03T19:37:27.192Z", False),
        ("<timestamp:2022-07-13T13:48:01.000Z>", "2019-09-03T19:37:27Z", False),
        ("sequencer", "005D6ED209E1000000", True),
        ("sequencer", "005d6ed209e1000000", False),
        ("<request-time-epoch>", 1583348638390, True),
        ("<request-time-epoch>", "1583348638390", False),
        ("<X-Forwarded-For>", ["1.2.3.4"], True),
        ("<X-Forwarded-For>", ["1.2.3.4", "5.6.7.8"], False),
        ("exactly", "exactly", True),
        ("exactly", "exactly ", False),
        ("a.b", "axb", False),
    ],
)
def test_a_wildcard_stands_for_values_of_its_form(template: str, ours: object, *, agrees: bool) -> None:
    assert Tokens().agree(template, ours) is agrees


def test_one_token_is_one_value_in_a_sample() -> None:
    tokens = Tokens()
    assert tokens.agree("arn:<partition>:s3:::<resource:1>", "arn:aws:s3:::one")
    assert tokens.agree("<resource:1>", "one")
    assert not tokens.agree("<resource:1>", "two")
    assert tokens.agree("<resource:2>", "two")


def test_a_token_without_a_form_is_an_error() -> None:
    with pytest.raises(KeyError):
        Tokens().agree("<something-new:1>", "x")


def test_an_unexplained_field_and_an_idle_deviation_are_told() -> None:
    sample = json.loads((GOLDEN / "schedule_rule_scheduled_event.json").read_text())
    wrong = sample | {"version": "1"}
    assert [field.path for field in Case("k", "schedule_rule_scheduled_event", lambda: wrong).unexplained()] == ["version"]
    explained = Case("k", "schedule_rule_scheduled_event", lambda: wrong, deviations=[Deviation("version", "because"), flawed("id", "no")])
    assert explained.unexplained() == []
    assert [one.path for one in explained.idle()] == ["id"]
    assert scores([explained]) == [Score("k", 1, 8, 9, 0)]
    not_counted = Case("k", "schedule_rule_scheduled_event", lambda: wrong, deviations=[flawed("version", "because")])
    assert scores([not_counted]) == [Score("k", 1, 8, 8, 1)]
    assert [(one.path, one.fields, one.flawed) for one in known([not_counted])] == [("version", 1, True)]


def test_what_a_sample_leaves_out_excuses_nothing_that_it_has() -> None:
    sample = json.loads((GOLDEN / "schedule_rule_scheduled_event.json").read_text())
    wrong = sample | {"version": "1", "more": 1}
    case = Case("k", "schedule_rule_scheduled_event", lambda: wrong, deviations=[left_out("*", "short")])
    assert [field.path for field in case.unexplained()] == ["version"]


def test_an_id_of_the_right_form_is_right() -> None:
    sample = json.loads((GOLDEN / "schedule_rule_scheduled_event.json").read_text())
    for ours, wrong in (("0" * 8, []), ("x", ["account"])):
        case = Case("k", "schedule_rule_scheduled_event", lambda ours=ours: sample | {"account": ours}, forms={"account": "[0-9]+"})
        assert [field.path for field in case.unexplained()] == wrong


def test_a_fallen_score_is_told_and_a_risen_one_is_not() -> None:
    written = page.placed(f"before\n{page.BEGIN}\n{page.END}\nafter\n", page.text([Score("SQS", 2, 9, 10, 0)], []))
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert page.floor(written) == {"SQS": (9, 10)}
    assert page.fallen(written, [Score("SQS", 2, 9, 10, 0)]) == []
    assert page.fallen(written, [Score("SQS", 2, 10, 10, 0)]) == []
    assert page.fallen(written, [Score("SQS", 2, 18, 20, 0)]) == []
    assert page.fallen(written, [Score("SQS", 2, 8, 10, 0)]) == ["SQS: 8 of 10 fields are right, the page says 9 of 10"]
    assert page.fallen(written, [Score("SQS", 2, 9, 11, 0)]) != [], "more is known, and less of it is right"
    assert page.fallen(written, []) != [], "a source type that is gone"


def test_a_page_without_markers_is_an_error() -> None:
    with pytest.raises(page.NoMarkers):
        page.placed("# Fidelity\n", "x")
    with pytest.raises(page.NoMarkers):
        page.placed(f"{page.END}\n{page.BEGIN}\n", "x")
