"""STS: who a caller is."""

from router.api.aws.service import Call
from router.api.aws.sts import Sts
from router.iam.callers import Caller
from router.iam.evaluation import Policies
from router.iam.principals import role_session


async def test_a_caller_is_told_who_it_is_without_needing_anything() -> None:
    who = role_session("123456789012", "resizer", "resize")
    call = Call("sts", "GetCallerIdentity", {}, Caller(who, "ASIAX", Policies()), "id")
    operation = Sts().operations["GetCallerIdentity"]
    assert not operation.needs(call)
    assert await operation.run(call) == {"UserId": who.id, "Account": "123456789012", "Arn": who.arn}
