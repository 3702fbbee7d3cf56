"""Code and layers as they run: archives, layers over one another, an interpreter of the function's own, whatever the language."""

import json
import os
import re
import subprocess
import sys
import venv
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router import names
from router.config.types import Function, Limits
from router.functions.deploy import deploy
from router.functions.store import Trees
from router.model import Outcome
from router.runtime.base import Invocation
from router.runtime.node_programs import installed
from router.runtime.pool import WarmPool
from tests.helpers.archives import PROGRAM, packed
from tests.helpers.logs import MemoryLogs
from tests.helpers.pools import serving

HERE = f"python{sys.version_info[0]}.{sys.version_info[1]}"
PYTHON = """
import os, sys
import dep, other
def handler(event, context):
    return {"dep": dep.WHERE, "other": other.WHERE, "path": sys.path, "file": __file__, "PATH": os.environ["PATH"], "own": sys.prefix}
"""
NODE = """
exports.handler = async () => ({ dep: require('dep'), other: require('other'), file: __filename })
"""
node = pytest.mark.server  # skipped where there is no node, and nowhere else


class Stage:
    """Functions deployed from archives and directories, and a pool that runs them."""

    def __init__(self, place: Path, pool: WarmPool, logs: MemoryLogs) -> None:
        self.place, self.pool, self.logs = place, pool, logs
        self.trees = Trees(place / "state/code")
        self.trees.open()
        self.interpreter = ""

    def zipped(self, name: str, files: dict[str, str], *programs: str) -> Path:
        return packed(self.place / name, files, dict.fromkeys(programs, PROGRAM))

    def deploy(self, code: Path, handler: str = "app.handler", *layers: Path, **rest: Any) -> Function:
        found = deploy([Function("f", code, handler, layers=layers, **rest)], self.trees)
        assert found.problems == ()
        return found.functions["f"]

    async def run(self, function: Function, event: Any = None) -> Outcome:
        return await self.pool.invoke(Invocation(function, json.dumps(event).encode(), names.request_id(), "arn:f"))

    async def result(self, function: Function, event: Any = None) -> Any:
        outcome = await self.run(function, event)
        assert not outcome.function_error, outcome.payload
        return json.loads(outcome.payload)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    logs = MemoryLogs()
    async with serving(tmp_path, logs, limits=Limits(concurrency=4)) as pool:
        yield Stage(tmp_path, pool, logs)


async def test_python_finds_its_layers_and_the_later_one_first(stage: Stage) -> None:
    code = stage.zipped("code.zip", {"app.py": PYTHON})
    first = stage.zipped("1.zip", {"python/dep.py": "WHERE = 'first'", "python/other.py": "WHERE = 'first'"})
    second = stage.zipped("2.zip", {"python/dep.py": "WHERE = 'second'", "bin/tool": "#!/bin/sh\n"}, "bin/tool")
    found = await stage.result(stage.deploy(code, "app.handler", first, second))
    assert (found["dep"], found["other"]) == ("second", "first")
    function = stage.deploy(code, "app.handler", first, second)
    assert found["path"][:3] == [str(function.code), f"{function.opt}/python/lib/{HERE}/site-packages", f"{function.opt}/python"]
    assert found["file"] == f"{function.code}/app.py"
    assert found["PATH"].endswith(f":{function.opt}/bin")
    swapped = await stage.result(stage.deploy(code, "app.handler", second, first))
    assert (swapped["dep"], swapped["other"]) == ("first", "first")


async def test_site_packages_of_the_right_version_come_first_and_code_before_all(stage: Stage) -> None:
    layer = stage.zipped(
        "layer.zip",
        {
            f"python/lib/{HERE}/site-packages/dep.py": "WHERE = 'site'",
            "python/lib/python3.1/site-packages/dep.py": "WHERE = 'another version'",
            "python/dep.py": "WHERE = 'plain'",
            "python/other.py": "WHERE = 'layer'",
        },
    )
    code = stage.zipped("code.zip", {"app.py": PYTHON, "other.py": "WHERE = 'code'"})
    found = await stage.result(stage.deploy(code, "app.handler", layer))
    assert (found["dep"], found["other"]) == ("site", "code")


async def test_a_layers_package_comes_before_the_runtimes_own(stage: Stage) -> None:
    layer = stage.zipped("layer.zip", {"python/boto3.py": "WHERE = 'mine'"})
    code = stage.zipped("code.zip", {"app.py": "import boto3, botocore\ndef handler(event, context): return boto3.WHERE"})
    assert await stage.result(stage.deploy(code, "app.handler", layer)) == "mine"


LIBRARY = """
import ctypes, os
def handler(event, context): return [ctypes.CDLL("libmine.so.1").answer(), os.environ["LD_LIBRARY_PATH"]]
"""


async def test_the_loader_finds_shared_libraries_in_layers(stage: Stage) -> None:
    source = stage.place / "mine.c"
    source.write_text("int answer(void) { return 42; }\n")
    (stage.place / "layer/lib").mkdir(parents=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", stage.place / "layer/lib/libmine.so.1.0", source], check=True)
    (stage.place / "layer/lib/libmine.so.1").symlink_to("libmine.so.1.0")
    function = stage.deploy(stage.zipped("code.zip", {"app.py": LIBRARY}), "app.handler", stage.place / "layer")
    assert await stage.result(function) == [42, f"{function.code}:{function.code}/lib:{function.opt}/lib"]


@node
async def test_node_finds_its_layers(stage: Stage) -> None:
    if not installed():
        pytest.skip("no node; apt-get install nodejs")
    major = installed()[0].major
    first = stage.zipped(
        "1.zip", {"nodejs/node_modules/dep/index.js": "module.exports = 'first'", "nodejs/node_modules/other.js": "module.exports = 1"}
    )
    second = stage.zipped(
        "2.zip",
        {
            "nodejs/node_modules/dep/index.js": "module.exports = 'second'",
            f"nodejs/node{major}/node_modules/other.js": "module.exports = 2",
        },
    )
    code = stage.zipped("code.zip", {"index.js": NODE})
    function = stage.deploy(code, "index.handler", first, second, runtime="nodejs")
    assert await stage.result(function) == {"dep": "second", "other": 2, "file": f"{function.code}/index.js"}


BOOTSTRAP = """#!/bin/sh
while :; do
  id=$(curl -s -D - -o /dev/null "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" | tr -d '\\r' | sed -n 's/^lambda-runtime-aws-request-id: //Ip')
  curl -s -d "\\"$(tool)\\"" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" > /dev/null
done
"""


async def test_a_bootstrap_and_its_tools_may_come_from_a_layer(stage: Stage) -> None:
    layer = stage.zipped("layer.zip", {"bootstrap": BOOTSTRAP, "bin/tool": "#!/bin/sh\necho from the layer\n"}, "bootstrap", "bin/tool")
    function = stage.deploy(stage.zipped("code.zip", {"data": ""}), "", layer, runtime="provided.al2023")
    assert await stage.result(function) == "from the layer"


async def test_a_command_in_an_archive_keeps_its_bit_and_finds_tools(stage: Stage) -> None:
    layer = stage.zipped("layer.zip", {"bin/tool": "#!/bin/sh\necho '\"from the layer\"'\n"}, "bin/tool")
    code = stage.zipped("code.zip", {"run.sh": "#!/bin/sh\nexec tool\n"}, "run.sh")
    function = stage.deploy(code, "", layer, runtime="command", command=("./run.sh",))
    assert await stage.result(function) == "from the layer"


# -- an interpreter of the function's own

OWN = """
import ctypes, json, os, subprocess, sys, time
print("module level")
def handler(event, context):
    if event == "fail": raise ValueError("it broke")
    if event == "slow": time.sleep(30)
    if event == "exit": sys.exit(3)
    status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
    inherited = subprocess.run(["ls", "/proc/self/fd"], capture_output=True, text=True, close_fds=False).stdout.split()
    return {"prefix": sys.prefix, "path": sys.path, "argv": sys.argv, "title": status["Name"].strip(), "nnp": status["NoNewPrivs"].strip(),
        "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), "router": [name for name in sys.modules if name.startswith("router")],
        "inherited": inherited, "version": context.function_version, "env": os.environ["AWS_EXECUTION_ENV"], "pid": os.getpid()}
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment with a package of its own; another boto3 among them."""
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    packages = tmp_path / f"venv/lib/{HERE}/site-packages"
    (packages / "dep.py").write_text("WHERE = 'environment'")
    (packages / "other.py").write_text("WHERE = 'environment'")
    (packages / "boto3.py").write_text("WHERE = 'environment'")
    return tmp_path / "venv"


async def test_its_own_interpreter_runs_the_function(stage: Stage, environment: Path) -> None:
    code = stage.zipped("code.zip", {"app.py": OWN})
    function = stage.deploy(code, python=environment / "bin/python", version="7")
    found, again = await stage.result(function), await stage.result(function)
    assert found["pid"] == again["pid"]
    assert found["prefix"] == str(environment)
    assert found["path"][0] == str(function.code)
    assert not any("router/runtime" in place for place in found["path"])
    assert (found["argv"], found["title"], found["nnp"], found["dumpable"], found["router"]) == (["bootstrap"], "fn:f", "1", 0, [])
    assert sorted(found["inherited"]) == ["0", "1", "2", "3"]  # the last is ls's own, of the directory
    assert found["version"] == "7"
    assert found["env"] == f"AWS_Lambda_{HERE}"
    lines = stage.logs.of("f")
    assert re.fullmatch(rf"INIT_START Runtime Version: python:{sys.version_info[0]}\.{sys.version_info[1]}\.v\d+\t.*", lines[0])
    assert "module level" in lines
    assert any(line.endswith("Version: 7") for line in lines if line.startswith("START"))
    assert stage.logs.streams[0].name.split("/")[3].startswith("[7]")


async def test_layers_come_before_the_environments_packages_and_those_before_ours(stage: Stage, environment: Path) -> None:
    layer = stage.zipped("layer.zip", {"python/other.py": "WHERE = 'layer'"})
    text = (
        "import boto3, botocore, dep, other\ndef handler(event, context): return [boto3.WHERE, dep.WHERE, other.WHERE, botocore.__name__]"
    )
    function = stage.deploy(stage.zipped("code.zip", {"app.py": text}), "app.handler", layer, python=environment / "bin/python")
    assert await stage.result(function) == ["environment", "environment", "layer", "botocore"]


async def test_it_fails_as_any_python_does(stage: Stage, environment: Path) -> None:
    function = replace(stage.deploy(stage.zipped("code.zip", {"app.py": OWN}), python=environment / "bin/python"), timeout=2.0)
    error = json.loads((await stage.run(function, "fail")).payload)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "it broke")
    assert re.match(r'  File ".*/app\.py", line \d+, in handler', error["stackTrace"][0])
    assert (await stage.run(function, "exit")).error_type == "Runtime.ExitError"
    assert (await stage.run(function, "slow")).error_type == "Sandbox.Timedout"
    assert (await stage.run(function)).function_error == ""


async def test_an_interpreter_that_is_gone_is_an_init_error(stage: Stage, environment: Path) -> None:
    function = stage.deploy(stage.zipped("code.zip", {"app.py": OWN}), python=environment / "bin/python")
    await stage.result(function)
    stage.pool.retire("f")
    (environment / "bin/python").unlink()
    assert (await stage.run(function)).error_type == "Runtime.InvalidEntrypoint"


async def test_the_variables_of_a_function_may_add_to_the_module_path(stage: Stage) -> None:
    extra = stage.place / "extra"
    extra.mkdir()
    (extra / "dep.py").write_text("WHERE = 'extra'")
    (extra / "other.py").write_text("WHERE = 'extra'")
    function = stage.deploy(stage.zipped("code.zip", {"app.py": PYTHON}), environment={"PYTHONPATH": str(extra)})
    assert (await stage.result(function))["dep"] == "extra"


async def test_code_that_runs_is_not_written_to(stage: Stage) -> None:
    text = "def handler(event, context):\n    open(__file__ + '.new', 'w')\n"
    function = stage.deploy(stage.zipped("code.zip", {"app.py": text}))
    outcome = await stage.run(function)
    assert outcome.error_type in {"PermissionError", "OSError"}
    assert os.listdir(function.code) == ["app.py"]
