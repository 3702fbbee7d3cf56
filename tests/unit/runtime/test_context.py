"""The context object."""

import pytest

from router.runtime.context import LambdaContext


def test_time_left_is_never_negative() -> None:
    assert LambdaContext("id", "arn", "", -5).get_remaining_time_in_millis() == 0
    assert 59_000 < LambdaContext("id", "arn", "", 60_000).get_remaining_time_in_millis() <= 60_000


def test_log_writes_without_a_newline(capsys: pytest.CaptureFixture[str]) -> None:
    LambdaContext("id", "arn", "", 1).log("text")
    assert capsys.readouterr().out == "text"


def test_a_client_context_has_awss_shape() -> None:
    context = LambdaContext("id", "arn", '{"custom": {"a": 1}, "client": {"installation_id": "i", "app_title": "t"}}', 1)
    assert context.client_context is not None
    assert (context.client_context.custom, context.client_context.env) == ({"a": 1}, None)
    assert context.client_context.client is not None
    assert (context.client_context.client.installation_id, context.client_context.client.app_package_name) == ("i", None)
    assert repr(context.client_context).startswith("ClientContext([custom={'a': 1},env=None,client=Client([installation_id=i,")
    assert "identity=CognitoIdentity([cognito_identity_id=None,cognito_identity_pool_id=None])" in repr(context)


def test_no_client_context_and_a_bad_one() -> None:
    assert LambdaContext("id", "arn", "", 1).client_context is None
    with pytest.raises(ValueError, match="Expecting"):
        LambdaContext("id", "arn", "{", 1)
