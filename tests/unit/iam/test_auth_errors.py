"""Every flaw has its answer in both dialects."""

from typing import get_args

import pytest

from router.iam.auth_errors import AuthFailure, Dialect, Flaw


@pytest.mark.parametrize("flaw", Flaw)
@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_every_flaw_has_an_answer(flaw: Flaw, dialect: Dialect) -> None:
    told = AuthFailure(flaw).told(dialect)
    assert told.status in (400, 403)
    assert told.code.isalnum()
    assert told.code.endswith("Exception") is (dialect == "json")
    assert told.message
    assert AuthFailure(flaw, "in detail").told(dialect).message == "in detail"
    assert str(AuthFailure(flaw)) == flaw.value
