"""Which roles a function can have."""

from typing import Any, cast

import pytest

from router.api.aws.lambda_.managing import Managing
from router.api.aws.lambda_.place import Place
from router.api.aws.service import AwsError
from router.config.types import Config, Role

PLACE = Place("us-east-1", "123456789012")
POLICY = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}


class House:
    """Rooms of which nothing but the config is looked at."""

    place = PLACE

    def __init__(self, config: Config) -> None:
        self.config = config


def trusting(service: str, source: str) -> dict[str, Any]:
    condition = {"ArnLike": {"aws:SourceArn": f"arn:aws:lambda:us-east-1:123456789012:function:{source}"}}
    return {"Statement": {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", "Condition": condition}}


@pytest.mark.parametrize(
    ("trust", "may"),
    [
        (None, True),
        (trusting("lambda.amazonaws.com", "f"), True),
        (trusting("lambda.amazonaws.com", "*"), True),
        (trusting("lambda.amazonaws.com", "other"), False),
        (trusting("events.amazonaws.com", "f"), False),
    ],
)
def test_lambda_must_be_let_in_by_the_trust_of_the_role(tmp_path: Any, trust: Any, may: bool) -> None:
    house = House(Config(tmp_path / "config.yaml", tmp_path, roles={"r": Role("r", POLICY, trust)}))
    managing, members = Managing(cast("Any", house)), {"Role": "arn:aws:iam::123456789012:role/r"}
    if may:
        assert managing._role(members, "f") == "r"
        return
    with pytest.raises(AwsError, match=r"^The role defined for the function cannot be assumed by Lambda\.$"):
        managing._role(members, "f")
