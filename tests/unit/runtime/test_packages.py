"""The directory with boto3."""

from pathlib import Path

from router.runtime import packages


def test_it_holds_boto3_and_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    built = packages.build(tmp_path / "p")
    names = {path.name for path in built.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3"}
    assert all(path.is_symlink() and path.exists() for path in built.iterdir())


def test_building_again_repairs_it(tmp_path: Path) -> None:
    built = packages.build(tmp_path / "p")
    before = {path.name: path.readlink() for path in built.iterdir()}
    (built / "six.py").unlink()
    (built / "six.py").symlink_to("/nowhere")
    (built / "stranger").symlink_to("/etc")
    packages.build(built)
    assert {path.name: path.readlink() for path in built.iterdir()} == before
