"""Evaluation: of which resources a statement is, and whose they are, where that is not plain."""

from typing import Any

import pytest

from router.iam import telling
from router.iam.evaluation import Policies, evaluate
from tests.unit.iam.grid import ACCOUNT, OBJECT, QUEUE
from tests.unit.iam.test_evaluation import S3, applies, policy, request, resource_policy

HOME = "arn:aws:s3:::home/${aws:username}/*"


@pytest.mark.parametrize("key", ["Resource", "NotResource"])
@pytest.mark.parametrize("more", [[], ["arn:aws:s3:::other/*"]])
def test_a_variable_that_stands_for_nothing_is_about_no_resource_and_says_so(key: str, more: list[str]) -> None:
    """Neither as what is named nor as what is left out: who has no name is not let in everywhere but to their own home."""
    statement, asked = {"Action": "*", key: [HOME, *more]}, request()
    assert not applies(statement, asked)
    (line,) = telling.lines(evaluate(asked, Policies([policy({"Effect": "Allow", **statement})])))
    assert line.endswith("does not apply; ${aws:username} stands for nothing in this request")


def test_a_service_is_told_whose_the_resource_is_and_nothing_where_nobody_says() -> None:
    def owned(by: Any, resource: str) -> bool:
        lets = resource_policy("*", Condition=by)
        return evaluate(request("sqs:SendMessage", resource, who=S3), Policies((), lets)).allowed

    assert owned({"StringEquals": {"aws:ResourceAccount": ACCOUNT}}, QUEUE)
    assert not owned({"StringNotEquals": {"aws:ResourceAccount": ACCOUNT}}, QUEUE)
    assert owned({"Null": {"aws:ResourceAccount": "true"}}, OBJECT)
    assert not owned({"Null": {"aws:ResourceAccount": "false"}}, OBJECT)
