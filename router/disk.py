"""What is to outlast a power cut."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Have the content of a file, or the names in a directory, on the disk. Blocking. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
