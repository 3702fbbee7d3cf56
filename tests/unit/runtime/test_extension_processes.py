"""What runs as an external extension, and what it sees."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from router.runtime import extension_processes


def test_every_file_of_the_directory_is_one(tmp_path: Path) -> None:
    assert extension_processes.found(None) == {}
    assert extension_processes.found(tmp_path) == {}
    (tmp_path / "extensions" / "lib").mkdir(parents=True)
    for name in ("b", "a"):
        (tmp_path / "extensions" / name).write_text("")
    assert extension_processes.found(tmp_path) == {name: tmp_path / "extensions" / name for name in ("a", "b")}
    assert list(extension_processes.found(tmp_path)) == ["a", "b"]


@given(
    given_=st.dictionaries(st.sampled_from(["_HANDLER", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "PATH", "KEY", "AWS_REGION"]), st.text())
)
def test_what_is_the_runtimes_is_not_an_extensions(given_: dict[str, str]) -> None:
    seen = extension_processes.variables(given_, "127.0.0.1:9001")
    assert seen["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9001"
    assert set(seen) - {"AWS_LAMBDA_RUNTIME_API", "PWD"} == set(given_) & {"PATH", "KEY", "AWS_REGION"}
