"""Instructions that a daemon spends on one synchronous request: `python -m bench.instructions [--seconds S]`.

Where a machine is shared, times of two runs differ by a tenth, and a change that saves a hundredth cannot be told from one that costs as
much. Counted instructions can be compared. valgrind counts them, user mode alone, and is a hundred times slower; libfaketime slows the
daemon's clock down as much, so that what is done once a millisecond or once a second does not count for more than it does in earnest. The
false clock's own instructions are in the figure. Needs both packages; no row of the table."""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from bench.client import Load, Plan
from bench.daemon import FUNCTIONS, ROUTER, Running
from bench.http import CONFIG, CONNECTIONS, SIZE
from bench.load import ask
from tests.helpers.house import ROOT, free_port

SLOWER = 100  # times
CLOCK = {
    "LD_PRELOAD": "/usr/$LIB/faketime/libfaketime.so.1",
    "FAKETIME": f"+0 x{1 / SLOWER}",
    "FAKETIME_NO_CACHE": "1",
}
WARM = 15.0  # seconds; a thousand requests: environments have started, code has specialised


class Counted(Running):
    """A daemon under valgrind, which counts nothing yet."""

    def start(self, *, step: str = "", count: int = 0) -> None:
        """See Running."""
        assert not step, count
        valgrind = ("valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={self.state.parent / 'counts'}")
        with self.log.open("ab") as out:
            command = [*valgrind, *ROUTER, "--config", str(self.config), "run"]
            self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **CLOCK}, stdout=out, stderr=out)

    def count(self, plan: Plan) -> Load:
        """Count while the plan is followed."""
        self._tell("-i", "on")
        load = ask(plan)
        self._tell("-i", "off")
        self._tell("-d")
        time.sleep(1)  # it writes
        return load

    def counted(self) -> int:
        """Instructions."""
        files = self.state.parent.glob("counts*")
        lines = [line for file in files for line in file.read_text().splitlines() if line.startswith("totals:")]
        return sum(int(line.split()[1]) for line in lines)

    def _tell(self, *what: str) -> None:
        subprocess.run(["callgrind_control", *what, str(self.pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    """Count, and print."""
    asked = argparse.ArgumentParser(description="Count the instructions that a daemon spends on one synchronous request.")
    asked.add_argument("--seconds", type=float, default=15.0, help="how long to count")
    seconds, port = asked.parse_args().seconds, free_port()
    with tempfile.TemporaryDirectory() as name, Counted(Path(name), CONFIG.format(port=port, code=FUNCTIONS)) as house:
        house.serve(timeout=300.0)
        to = f"127.0.0.1:{port}"
        ask(Plan(to, ("/echo",), CONNECTIONS, WARM, SIZE))
        load = house.count(Plan(to, ("/echo",), CONNECTIONS, seconds, SIZE))
        house.kill()  # its clock is too slow for a drain
        print(f"{house.counted() / load.count:,.0f} instructions each, {load.count:,} requests, {load.failures} failures")


if __name__ == "__main__":
    main()
