"""The program `PYTHON python_program.py SPEC`: bootstrap.py in an interpreter of its own, where a fork of the spawner will not do.

That is a function's own interpreter (`python:`), code or layers with shared libraries, and variables such as PYTHONHASHSEED: the loader
reads LD_LIBRARY_PATH, and Python its own variables, when a program starts and never again. SPEC: what the bootstrap has to know, as JSON. Standard library only."""

import json
import os
import sys
from types import ModuleType

if __name__ == "__main__":  # our own package by path, as in guard.py: nothing else of the daemon's is in reach
    _here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    for _name, _path in (("router", os.path.dirname(_here)), ("router.runtime", _here)):  # noqa: PTH120
        sys.modules[_name] = ModuleType(_name)
        sys.modules[_name].__path__ = [_path]

from router.runtime import bootstrap, isolation, titles


def main(spec: str) -> None:
    """Run the function until its process ends."""
    for descriptor in (isolation.REQUESTS, isolation.RESPONSES):
        os.set_inheritable(descriptor, False)
    isolation.prctl(isolation.PR_SET_DUMPABLE, 0)  # exec has set it again
    titles.set_title(f"fn:{os.environ['AWS_LAMBDA_FUNCTION_NAME']}")
    sys.argv[:] = ["bootstrap"]
    told = json.loads(spec)
    if "template" in told:
        from router.runtime import snapshot  # noqa: PLC0415  # the other programs do without

        snapshot.run(told)
    bootstrap.run(told)


if __name__ == "__main__":
    main(sys.argv[1])
