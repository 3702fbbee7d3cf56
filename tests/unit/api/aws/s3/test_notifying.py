"""Notification configurations and triggers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.s3 import notifying
from router.api.aws.s3.documents import document
from router.api.aws.s3.errors import S3Error
from router.api.aws.s3.markup import parsed

ARN = "arn:aws:lambda:us-east-1:123456789012:function:resize"


def one(*, arn: str = ARN, id_: str = "one", events: tuple[str, ...] = ("s3:ObjectCreated:*",), prefix: str = "", suffix: str = "") -> str:
    rules = "".join(
        f"<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>"
        for name, value in (("prefix", prefix), ("suffix", suffix))
        if value
    )
    told = "".join(f"<Event>{event}</Event>" for event in events)
    return (
        f"<CloudFunctionConfiguration><Id>{id_}</Id><CloudFunction>{arn}</CloudFunction>{told}"
        f"<Filter><S3Key>{rules}</S3Key></Filter></CloudFunctionConfiguration>"
    )


def read(inner: str) -> notifying.Wanted:
    return notifying.read(parsed(f"<NotificationConfiguration>{inner}</NotificationConfiguration>".encode(), "NotificationConfiguration"))


def test_nothing_is_wanted() -> None:
    assert read("") == ((), False)
    assert read("<EventBridgeConfiguration/>").bridged


def test_a_function_is_told() -> None:
    (found,) = read(one(prefix="in/", suffix=".jpg", events=("s3:ObjectCreated:Put", "s3:ObjectRemoved:*"))).functions
    assert (found.id, found.function, found.prefix, found.suffix) == ("one", "resize", "in/", ".jpg")
    assert notifying.trigger("bkt", found) == {
        "function": "resize",
        "trigger": {"s3": {"bucket": "bkt", "events": ["s3:ObjectRemoved:*", "s3:ObjectCreated:Put"], "prefix": "in/", "suffix": ".jpg"}},
    }


@given(
    events=st.sets(
        st.sampled_from(["s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete"]), min_size=1
    ),
    prefix=st.text("ab/.é", max_size=5),
    suffix=st.text("ab/.é", max_size=5),
)
def test_what_was_put_is_got(events: set[str], prefix: str, suffix: str) -> None:
    (found,) = read(one(events=tuple(events), prefix=prefix, suffix=suffix)).functions
    told = document("NotificationConfiguration", notifying.told([found], bridged=True))
    again = notifying.read(parsed(told, "NotificationConfiguration"))
    assert again == ((found,), True)


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        (one(arn="resize"), "InvalidArgument"),
        (one(arn="arn:aws:sqs:us-east-1:123456789012:jobs"), "InvalidArgument"),
        (one(events=()), "MalformedXML"),
        (one(events=("s3:Nothing",)), "InvalidArgument"),
        (one() + one(prefix="a"), "InvalidArgument"),
        (one() + one(id_="two", prefix="a"), "InvalidArgument"),
        (one(prefix="a").replace(">prefix<", ">infix<"), "InvalidArgument"),
        ("<QueueConfiguration/>", "NotImplemented"),
        ("<TopicConfiguration/>", "NotImplemented"),
        ("<Other/>", "MalformedXML"),
    ],
)
def test_what_is_refused(inner: str, told: str) -> None:
    with pytest.raises(S3Error) as caught:
        read(inner)
    assert caught.value.code == told


def test_two_that_do_not_overlap() -> None:
    assert len(read(one(suffix=".a") + one(id_="two", suffix=".b")).functions) == 2
    assert len(read(one() + one(id_="two", events=("s3:ObjectRemoved:*",))).functions) == 2


def test_an_id_is_made_where_none_is_given() -> None:
    (first,) = read(one(id_="")).functions
    (again,) = read(one(id_="")).functions
    assert first.id == again.id
    assert len(first.id) == 32
