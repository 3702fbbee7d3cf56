"""The environment variables of a function."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Function
from router.runtime.variables import RESERVED, bucket_variable, variables

NAMES = st.sampled_from(sorted(RESERVED)) | st.from_regex(r"[A-Z_]{1,8}", fullmatch=True)


def of(environment: dict[str, str], extra: dict[str, str]) -> dict[str, str]:
    function = Function("f", Path("/srv/f"), "app.handler", memory=256, environment=environment)
    return variables(
        function,
        execution_env="AWS_Lambda_python3.11",
        region="eu-west-1",
        log_stream="s",
        packages="/p",
        tmp="/t",
        interpreter="/usr/bin/python3",
        language={"PYTHONPATH": "/p"},
        extra=extra,
    )


@given(environment=st.dictionaries(NAMES, st.text()), extra=st.dictionaries(NAMES, st.text()))
def test_a_function_overrides_anything_but_reserved_names(environment: dict[str, str], extra: dict[str, str]) -> None:
    seen, plain = of(environment, extra), of({}, extra)
    for name, value in environment.items():
        assert seen[name] == value if name not in RESERVED else seen.get(name) == plain.get(name)


def test_the_daemon_may_add_credentials_and_a_function_may_not_replace_them() -> None:
    assert of({"AWS_ACCESS_KEY_ID": "mine"}, {"AWS_ACCESS_KEY_ID": "role"})["AWS_ACCESS_KEY_ID"] == "role"
    assert "AWS_ACCESS_KEY_ID" not in of({"AWS_ACCESS_KEY_ID": "mine"}, {})


def test_the_path_names_each_directory_once() -> None:
    assert of({}, {})["PATH"] == "/usr/bin:/usr/local/bin:/bin"


def test_what_only_a_kind_of_runtime_has_may_be_overridden() -> None:
    assert (of({}, {})["PYTHONPATH"], of({"PYTHONPATH": "/mine"}, {})["PYTHONPATH"]) == ("/p", "/mine")


def test_buckets_are_spelled_for_the_shell() -> None:
    assert bucket_variable("my-data.eu") == "BUCKET_MY_DATA_EU"
