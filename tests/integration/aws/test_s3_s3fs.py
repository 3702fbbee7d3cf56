"""S3 of a whole daemon as a file system: s3fs as it comes, the endpoint and credentials in its arguments alone."""

from collections.abc import Iterator

import pytest
import s3fs

from tests.helpers.endpoint import Cloud

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("s3fs")
    (directory / "bkt").mkdir()
    with Cloud(directory, "buckets: {bkt: ./bkt}\n").serving() as made:
        yield made


@pytest.fixture(scope="module")
def files(cloud: Cloud) -> s3fs.S3FileSystem:
    key = cloud.key()
    return s3fs.S3FileSystem(
        key=key["AccessKeyId"], secret=key["SecretAccessKey"], endpoint_url=cloud.url, skip_instance_cache=True, use_listings_cache=False
    )


@pytest.mark.parametrize("size", [0, 7, 12 * MIB])
def test_what_is_written_is_read(cloud: Cloud, files: s3fs.S3FileSystem, size: int) -> None:
    data = (b"0123456789" * (size // 10 + 1))[:size]
    with files.open("bkt/dir/é +1", "wb", block_size=5 * MIB) as out:
        out.write(data)
    assert (cloud.directory / "bkt/dir/é +1").read_bytes() == data
    with files.open("bkt/dir/é +1", "rb") as found:
        assert found.read() == data
    if size:
        with files.open("bkt/dir/é +1", "rb") as found:
            found.seek(size // 2)
            assert found.read(5) == data[size // 2 : size // 2 + 5]
    assert files.cat_file("bkt/dir/é +1") == data
    assert files.info("bkt/dir/é +1")["size"] == size


def test_trees(files: s3fs.S3FileSystem) -> None:
    names = ["bkt/t/a", "bkt/t/b/c", "bkt/t/b/d.txt", "bkt/t/b/e/f.txt"]
    files.pipe({name: name.encode() for name in names})
    assert sorted(files.ls("bkt/t")) == ["bkt/t/a", "bkt/t/b"]
    assert sorted(files.find("bkt/t")) == names
    assert sorted(files.glob("bkt/t/**/*.txt")) == ["bkt/t/b/d.txt", "bkt/t/b/e/f.txt"]
    assert files.du("bkt/t") == sum(map(len, names))
    assert (files.exists("bkt/t/a"), files.exists("bkt/t/none"), files.isdir("bkt/t/b"), files.isfile("bkt/t/b")) == (
        True,
        False,
        True,
        False,
    )
    files.mv("bkt/t/a", "bkt/t/g")
    files.copy("bkt/t/b", "bkt/u", recursive=True)
    assert files.cat_file("bkt/t/g") == b"bkt/t/a"
    assert sorted(files.find("bkt/u")) == ["bkt/u/c", "bkt/u/d.txt", "bkt/u/e/f.txt"]
    files.rm("bkt/t", recursive=True)
    files.rm("bkt/u", recursive=True)
    assert files.find("bkt/t") == []
    with pytest.raises(FileNotFoundError):
        files.info("bkt/t/g")


def test_buckets(files: s3fs.S3FileSystem) -> None:
    assert "bkt" in files.ls("")
    files.mkdir("of-its-own")
    assert files.exists("of-its-own")
    files.rmdir("of-its-own")
    assert not files.exists("of-its-own")


def test_what_is_said_of_a_file(files: s3fs.S3FileSystem) -> None:
    files.pipe_file("bkt/said", b"x")
    files.setxattr("bkt/said", copy_kwargs={"ContentType": "a/b"}, note="value")
    assert files.metadata("bkt/said") == {"note": "value"}
    files.put_tags("bkt/said", {"k": "v"})
    assert files.get_tags("bkt/said") == {"k": "v"}
    files.touch("bkt/touched")
    assert files.cat_file("bkt/touched") == b""
