"""Every form of a function's identifier, and the words for those that name nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Config, Function
from router.errors import FunctionNotFound, InvalidParameter
from router.functions.registry import Functions

ARN = "arn:aws:lambda:eu-west-1:111122223333:function:resize"
RESIZE = Function("resize", Path("/code"), "app.handler")
WORD = Function("function", Path("/code"), "app.handler")
FUNCTIONS = Functions(
    Config(Path("/config.yaml"), Path("/state"), "eu-west-1", "111122223333", functions={"resize": RESIZE, "function": WORD})
)

FORMS = [
    "resize",
    "resize:$LATEST",
    "function:resize",
    "111122223333:function:resize",
    "111122223333:resize",
    "eu-west-1:111122223333:function:resize",
    ARN,
]


@pytest.mark.parametrize("form", [*FORMS, f"{ARN}:$LATEST", "111122223333:function:resize:$LATEST"])
def test_every_form_names_the_function(form: str) -> None:
    assert FUNCTIONS.get(form) is RESIZE


@pytest.mark.parametrize("form", FORMS)
def test_a_qualifier_may_stand_beside(form: str) -> None:
    assert FUNCTIONS.get(form, "$LATEST") is RESIZE


@pytest.mark.parametrize("form", ["function", "function:function", "arn:aws:lambda:eu-west-1:111122223333:function"])
def test_the_word_function_is_a_name_when_nothing_follows(form: str) -> None:
    assert FUNCTIONS.get(form) is WORD


@pytest.mark.parametrize(
    ("form", "qualifier", "arn"),
    [
        ("other", "", "arn:aws:lambda:eu-west-1:111122223333:function:other"),
        ("other:$LATEST", "", "arn:aws:lambda:eu-west-1:111122223333:function:other:$LATEST"),
        ("resize:PROD", "", f"{ARN}:PROD"),
        ("resize", "7", f"{ARN}:7"),
        ("resize", "$latest", f"{ARN}:$latest"),
        ("999999999999:function:resize", "", "arn:aws:lambda:eu-west-1:999999999999:function:resize"),
        ("RESIZE", "", "arn:aws:lambda:eu-west-1:111122223333:function:RESIZE"),
    ],
)
def test_what_is_not_there_is_named_by_its_arn(form: str, qualifier: str, arn: str) -> None:
    with pytest.raises(FunctionNotFound) as caught:
        FUNCTIONS.get(form, qualifier)
    assert str(caught.value) == f"Function not found: {arn}"


def test_another_region_is_said_in_awss_words() -> None:
    with pytest.raises(FunctionNotFound) as caught:
        FUNCTIONS.get(ARN.replace("eu-west-1", "us-east-1"))
    assert str(caught.value) == "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')"
    assert (caught.value.status, caught.value.code) == (404, "ResourceNotFoundException")


def test_two_qualifiers_must_agree() -> None:
    with pytest.raises(InvalidParameter, match=r"^The derived qualifier from the function name does not match the specified qualifier\.$"):
        FUNCTIONS.get("resize:1", "2")


def test_a_long_name_is_told_from_a_wrong_one() -> None:
    with pytest.raises(InvalidParameter, match="length less than or equal to 64"):
        FUNCTIONS.get("x" * 65)
    with pytest.raises(FunctionNotFound):
        FUNCTIONS.get("x" * 64)


@pytest.mark.parametrize("form", ["", "re size", "résize", "a:b:c:d", "arn:aws:s3:::resize", "resize\n", "x" * 257, "resize:", ":resize"])
def test_what_is_no_identifier_is_refused(form: str) -> None:
    with pytest.raises(InvalidParameter, match=r"^1 validation error detected: Value "):
        FUNCTIONS.get(form)


def test_arns() -> None:
    assert FUNCTIONS.arn(RESIZE) == FUNCTIONS.invoked_arn("resize") == ARN
    assert FUNCTIONS.arn(RESIZE, "$LATEST") == FUNCTIONS.invoked_arn("resize:$LATEST") == f"{ARN}:$LATEST"
    assert FUNCTIONS.get(FUNCTIONS.arn(RESIZE)) is RESIZE


def test_they_can_be_listed() -> None:
    assert list(FUNCTIONS) == [RESIZE, WORD]
    assert len(FUNCTIONS) == 2


@given(form=st.text(max_size=300), qualifier=st.text(max_size=20))
def test_any_text_is_a_function_or_a_refusal(form: str, qualifier: str) -> None:
    try:
        found = FUNCTIONS.get(form, qualifier)
    except (FunctionNotFound, InvalidParameter):
        return
    assert found in (RESIZE, WORD)
