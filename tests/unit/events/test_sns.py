"""SNS records; whole events are compared in tests/fidelity."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.events.sns import Attribute, Notification, Signed, event

TOPIC = "arn:aws:sns:us-east-1:123456789012:t"


def made(**facts: Any) -> dict[str, Any]:
    notification = Notification("id", TOPIC, facts.pop("message", "hello"), 1546433107.5, **facts)
    signed = Signed("c2ln", "https://sns.us-east-1.amazonaws.com/x.pem")
    (record,) = event(notification, subscription_arn=f"{TOPIC}:s", signed=signed, endpoint="https://sns.us-east-1.amazonaws.com")["Records"]
    return record


def test_a_missing_subject_is_null_and_missing_attributes_are_an_empty_object() -> None:
    told = made()["Sns"]
    assert told["Subject"] is None
    assert told["MessageAttributes"] == {}
    assert told["Timestamp"] == "2019-01-02T12:45:07.500Z"


def test_lambdas_spelling_is_pascal_case_with_url() -> None:
    record = made()
    assert list(record) == ["EventSource", "EventVersion", "EventSubscriptionArn", "Sns"]
    assert {"SigningCertUrl", "UnsubscribeUrl"} < set(record["Sns"])
    assert record["Sns"]["UnsubscribeUrl"].endswith(f"/?Action=Unsubscribe&SubscriptionArn={TOPIC}:s")


@given(st.text(), st.none() | st.text(), st.dictionaries(st.text(), st.text()))
def test_what_was_published_comes_through(message: str, subject: str | None, attributes: dict[str, str]) -> None:
    given_ = {name: Attribute("String", value) for name, value in attributes.items()}
    told = made(message=message, subject=subject, attributes=given_)["Sns"]
    assert (told["Message"], told["Subject"]) == (message, subject)
    assert told["MessageAttributes"] == {name: {"Type": "String", "Value": value} for name, value in attributes.items()}
