"""What lies below a directory, to hold against another."""

from pathlib import Path


def tree(root: Path) -> dict[str, bytes]:
    """Every file by its path below *root*."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
