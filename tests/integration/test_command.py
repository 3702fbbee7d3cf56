"""Functions that are any executable: event in, result out, one process for each invocation."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router import names
from router.config.types import Function
from router.model import RESPONSE_LIMIT, Outcome
from router.runtime.base import Invocation
from router.runtime.pool import WarmPool
from tests.helpers.confined import left
from tests.helpers.logs import MemoryLogs
from tests.helpers.pools import serving

SCRIPT = """#!/bin/sh
echo "said $1" >&2
cat
exit "${STATUS:-0}"
"""


class Bench:
    """A pool over commands."""

    def __init__(self, pool: WarmPool, logs: MemoryLogs, code: Path) -> None:
        self.pool, self.logs, self.code = pool, logs, code

    async def run(self, *command: str, event: Any = None, facts: dict[str, str] | None = None, **rest: Any) -> Outcome:
        function = Function(
            **({"name": "f", "code": self.code, "handler": "", "runtime": "command", "command": command, "timeout": 10.0} | rest)
        )
        invocation = Invocation(function, json.dumps(event).encode(), names.request_id(), "arn:f", **(facts or {}))
        return await self.pool.invoke(invocation)

    async def sh(self, script: str, **rest: Any) -> Outcome:
        return await self.run("sh", "-c", script, **rest)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    code = tmp_path / "code"
    code.mkdir()
    (code / "script.sh").write_text(SCRIPT)
    (code / "script.sh").chmod(0o755)
    logs = MemoryLogs()
    async with serving(tmp_path, logs, variables=lambda _: {"BUCKET_UPLOADS": "/data"}) as pool:
        yield Bench(pool, logs, code)
    assert list((tmp_path / "state" / "tmp").iterdir()) == []


async def test_the_event_comes_in_and_the_result_goes_out(bench: Bench) -> None:
    outcome = await bench.run("./script.sh", "hello", event={"é": 1})
    assert (json.loads(outcome.payload), outcome.function_error, outcome.init_ms) == ({"é": 1}, "", None)
    start, said, end, report = bench.logs.of("f")
    request_id = start.split()[2]
    assert (said, end) == ("said hello", f"END RequestId: {request_id}")
    assert "Status:" not in report
    assert outcome.max_memory_mb > 0


async def test_each_invocation_is_a_process_in_the_same_environment(bench: Bench) -> None:
    started = "$(readlink /proc/$$/ns/pid)/$$/$(cut -d' ' -f22 /proc/$$/stat)"  # two that were forked ahead in one tick live together
    outcomes = [await bench.sh(f"sleep 0.02; echo {started}; ls $TMPDIR | grep -x kept; touch $TMPDIR/kept") for _ in range(3)]
    found = [outcome.payload.split() for outcome in outcomes]
    assert len({process for process, *_ in found}) == 3
    assert all(process.count(b"/") == 2 and b"//" not in process and process.rpartition(b"/")[2].isdigit() for process, *_ in found)
    assert [kept for _, *kept in found] == [[], [b"kept"], [b"kept"]]
    assert len({outcome.log_stream for outcome in outcomes}) == 1


async def test_a_status_other_than_0_is_a_function_error(bench: Bench) -> None:
    outcome = await bench.run("./script.sh", event={}, environment={"STATUS": "3"})
    request_id = bench.logs.of("f")[-1].split()[2]
    assert json.loads(outcome.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: exit status 3",
    }
    assert bench.logs.of("f")[-1].endswith("Status: error\tError Type: Runtime.ExitError")
    outcome = await bench.sh('echo \'{"errorType":"Mine","errorMessage":"m"}\'; exit 1')
    assert (outcome.error_type, json.loads(outcome.payload)["errorMessage"]) == ("Mine", "m")
    assert "Status:" not in bench.logs.of("f")[-1]
    outcome = await bench.sh("kill -SEGV $$")
    assert json.loads(outcome.payload)["errorMessage"].endswith("signal: segmentation fault")


async def test_what_is_not_read_or_not_written_is_no_error(bench: Bench) -> None:
    assert (await bench.run("true", event="x" * 1_000_000)).payload == b"null"
    assert (await bench.run("echo", "no json")).payload == b"no json\n"
    assert (await bench.sh("exec 0<&- 1>&-; sleep 0.1")).payload == b"null"


async def test_sizes(bench: Bench) -> None:
    event = "x" * (6 * 1024 * 1024 - 2)
    assert (await bench.run("cat", event=event)).payload == json.dumps(event).encode()
    assert len((await bench.sh(f"head -c {RESPONSE_LIMIT} /dev/zero")).payload) == RESPONSE_LIMIT
    outcome = await bench.sh(f"head -c {RESPONSE_LIMIT + 1} /dev/zero")
    assert outcome.error_type == "Function.ResponseSizeTooLarge"


async def test_what_a_command_sees(bench: Bench) -> None:
    facts = {"trace": "Root=1-2-3", "client_context": '{"custom":1}'}
    seen = dict(
        line.split("=", 1) for line in (await bench.run("env", environment={"MINE": "1"}, facts=facts)).payload.decode().splitlines()
    )
    assert seen["AWS_LAMBDA_REQUEST_ID"] == bench.logs.of("f")[-1].split()[2]
    assert (seen["AWS_LAMBDA_INVOKED_FUNCTION_ARN"], seen["AWS_LAMBDA_CLIENT_CONTEXT"]) == ("arn:f", '{"custom":1}')
    assert (seen["_X_AMZN_TRACE_ID"], seen["MINE"], seen["BUCKET_UPLOADS"]) == ("Root=1-2-3", "1", "/data")
    assert abs(int(seen["AWS_LAMBDA_DEADLINE_MS"]) / 1000 - time.time() - 10) < 5
    assert not {"AWS_EXECUTION_ENV", "AWS_LAMBDA_RUNTIME_API", "HOME", "VIRTUAL_ENV"} & seen.keys()
    again = (await bench.run("env")).payload.decode()
    assert "_X_AMZN_TRACE_ID" not in again
    assert (await bench.run("ls", "/proc/self/fd")).payload.split() == [b"0", b"1", b"2", b"3"]  # the last is the directory that it lists
    status = (await bench.run("cat", "/proc/self/status")).payload.decode()
    (ignored,) = re.findall(r"^SigIgn:\t(\w+)$", status, re.MULTILINE)
    assert int(ignored, 16) & ~(3 << 31) == 0  # but for 32 and 33: whom posix_spawn starts has them ignored by glibc
    assert "NoNewPrivs:\t1" in status


async def test_a_timeout_ends_the_whole_tree(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    outcome = await bench.sh(f"(setsid sleep 600 & echo $! > {mark}); sleep 600", timeout=2.0)
    assert (outcome.error_type, outcome.duration_ms) == ("Sandbox.Timedout", 2000)
    assert mark.read_text()
    assert left() == []
    assert (await bench.run("echo", "1")).payload == b"1\n"


async def test_nothing_is_left_behind_an_answer(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    began = time.monotonic()
    outcome = await bench.sh(f"setsid sleep 600 & echo $! > {mark}; echo done")
    assert (outcome.payload, time.monotonic() - began < 5) == (b"done\n", True)
    assert mark.read_text()
    assert left() == []


async def test_many_at_once(bench: Bench) -> None:
    outcomes = await asyncio.gather(*(bench.sh("sleep 0.1; cat", event=number) for number in range(8)))
    assert [json.loads(outcome.payload) for outcome in outcomes] == list(range(8))


@pytest.mark.parametrize(
    ("program", "text", "told"),
    [
        ("./nowhere", "", "Couldn't find the command: CODE/nowhere"),
        ("./plain", "text", "Couldn't find the command: CODE/plain"),
        ("no-such-program", "", "Couldn't find the command: no-such-program"),
    ],
)
async def test_a_command_that_is_not_there(bench: Bench, program: str, text: str, told: str) -> None:
    if text:
        (bench.code / program).write_text(text)
    outcome = await bench.run(program)
    assert outcome.error_type == "Runtime.InvalidEntrypoint"
    assert json.loads(outcome.payload)["errorMessage"].endswith(f"Error: {told.replace('CODE', str(bench.code))}")


async def test_a_program_that_the_kernel_cannot_start(bench: Bench) -> None:
    (bench.code / "odd").write_text("#!/no/such/interpreter\n")
    (bench.code / "odd").chmod(0o755)
    outcome = await bench.run("./odd")
    assert json.loads(outcome.payload)["errorMessage"].endswith("exit status 127")
    assert f"{bench.code}/odd: No such file or directory" in bench.logs.of("f")


async def test_cancelled_the_run_is_cut_short(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    running = asyncio.create_task(bench.sh(f"echo $$ > {mark}.new; mv {mark}.new {mark}; sleep 600"))
    while not mark.exists():
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    async with asyncio.timeout(5):
        while left():
            await asyncio.sleep(0.01)
    assert (await bench.run("echo", "1")).payload == b"1\n"
