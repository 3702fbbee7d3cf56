"""Where runtimes look in layers."""

from dataclasses import replace
from pathlib import Path

from router.config.types import Function
from router.runtime.layers import node_paths, python_paths
from router.runtime.variables import variables

OPT = Path("/opt")


def test_the_paths_that_the_developer_guide_lists() -> None:
    assert python_paths(OPT, (3, 12)) == ["/opt/python/lib/python3.12/site-packages", "/opt/python"]
    assert node_paths(OPT, "20") == ["/opt/nodejs/node20/node_modules", "/opt/nodejs/node_modules"]
    assert python_paths(None, (3, 12)) == node_paths(None, "20") == []


def test_programs_and_libraries_come_last_in_their_variables() -> None:
    def of(function: Function) -> dict[str, str]:
        return variables(
            function, execution_env="", region="r", log_stream="s", packages="/p", tmp="/t", interpreter="/usr/bin/x", language={}, extra={}
        )

    plain = of(Function("f", Path("/code"), "app.handler"))
    layered = of(replace(Function("f", Path("/code"), "app.handler"), opt=OPT))
    assert (plain["PATH"], layered["PATH"]) == ("/usr/bin:/usr/local/bin:/bin", "/usr/bin:/usr/local/bin:/bin:/opt/bin")
    assert (plain["LD_LIBRARY_PATH"], layered["LD_LIBRARY_PATH"]) == ("/code:/code/lib", "/code:/code/lib:/opt/lib")
    assert plain.keys() == layered.keys()
