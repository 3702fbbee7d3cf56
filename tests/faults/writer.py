"""A writer of many small files: `python -m tests.faults.writer ROOT NUMBER COUNT MANIFEST`.

The first line of a file is the digest of the rest. Directories are made and filled at once. Most files are moved in under a
hidden name, some are written in place in two writes, some in place slowly; some of those moved in are replaced later, once or
several times. MANIFEST gets {key: MD5 of the final content} when all is written."""

import hashlib
import json
import os
import random
import sys
import time
from collections import deque
from pathlib import Path
from typing import IO

PART = 0.4  # seconds between the parts of a slow file: far below the bucket's settle time
PARTS = 4
SLOW_AT_ONCE = 8


class Writer:
    """One process's files."""

    def __init__(self, root: Path, number: int) -> None:
        self._root, self._number = root, number
        self._chance = random.Random(number)
        self._slow: deque[tuple[float, IO[bytes], list[bytes]]] = deque()  # when the last part was written, file, parts to come
        self.manifest: dict[str, str] = {}

    def run(self, count: int) -> None:
        """Write *count* files."""
        replaceable: list[str] = []
        for index in range(count):
            key = self._key(index)
            (self._root / key).parent.mkdir(parents=True, exist_ok=True)
            draw = self._chance.random()
            if draw < 0.002 and len(self._slow) < SLOW_AT_ONCE:
                self._begin(key)
            elif draw < 0.3:
                self._in_place(key)
            else:
                self._moved_in(key)
                replaceable.append(key)
            if draw > 0.97:
                for _ in range(self._chance.randrange(1, 4)):
                    self._moved_in(self._chance.choice(replaceable))
            self._go_on()
        while self._slow:
            time.sleep(0.05)
            self._go_on()

    def _key(self, index: int) -> str:
        """Half of them in one directory, so that much happens in watched ones; the rest nested, a few in each just made."""
        if index % 2:
            return f"w{self._number}/file {index}.bin"
        return f"w{self._number}/{index // 2000}/{index // 50 % 40}/{index % 7}/file {index}.bin"

    def _content(self, key: str) -> bytes:
        body = self._chance.randbytes(self._chance.randrange(0, 400))
        content = hashlib.md5(body).hexdigest().encode() + b"\n" + body
        self.manifest[key] = hashlib.md5(content).hexdigest()
        return content

    def _moved_in(self, key: str) -> None:
        path = self._root / key
        hidden = path.with_name(f".{path.name}.new")
        hidden.write_bytes(self._content(key))
        hidden.rename(path)

    def _in_place(self, key: str) -> None:
        content = self._content(key)
        with (self._root / key).open("xb", buffering=0) as file:
            file.write(content[:20])
            file.write(content[20:])

    def _begin(self, key: str) -> None:
        content = self._content(key)
        size = len(content) // PARTS + 1
        parts = [content[at : at + size] for at in range(0, len(content), size)]
        file = (self._root / key).open("xb", buffering=0)
        file.write(parts.pop(0))
        self._slow.append((time.monotonic(), file, parts))

    def _go_on(self) -> None:
        """Write the next part of the slow file that waits longest, if it has waited long enough."""
        if not self._slow or time.monotonic() - self._slow[0][0] < PART:
            return
        _, file, parts = self._slow.popleft()
        if parts:
            file.write(parts.pop(0))
            self._slow.append((time.monotonic(), file, parts))
        else:
            file.close()


def main() -> None:
    """Write, then say what was written."""
    root, number, count, manifest = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    writer = Writer(root, number)
    writer.run(count)
    manifest.with_suffix(".tmp").write_text(json.dumps(writer.manifest))
    os.replace(manifest.with_suffix(".tmp"), manifest)


if __name__ == "__main__":
    main()
