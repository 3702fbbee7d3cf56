"""What is said of types that are not here."""

import pytest

from router.templates.unsupported import refuse
from router.templates.words import Refused


@pytest.mark.parametrize(
    ("type_", "said"),
    [
        ("AWS::CloudWatch::Alarm", "alarms are not kept here"),
        ("AWS::EC2::SubnetRouteTableAssociation", "functions run on this machine, with its network"),
        ("AWS::ApplicationAutoScaling::ScalableTarget", "nothing is scaled here"),
        ("Custom::Seed", "custom resources are not run here"),
        ("AWS::Frob::Thing", "AWS::Frob::Thing is not supported"),
    ],
)
def test_a_type_is_refused_by_itself_or_with_its_service(type_: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        refuse(type_)
