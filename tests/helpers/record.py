"""What handlers write down for a test, read while they may still be writing."""

import json
from pathlib import Path
from typing import Any


def read_record(path: Path) -> list[Any]:
    """The JSON lines of a file, in the order of writing; none without the file. A line that is not whole yet is not there yet."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]
