"""What is looked up where things lie, and when."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from router.config.types import Bucket, Function, Role
from router.runtime import sandbox_site
from router.runtime.sandbox_plan import hidden
from router.runtime.sandbox_site import Ground


def config(directory: Path, *names: str) -> Any:
    functions = {name: Function(name, directory / name, "app.f") for name in names}
    facts = {
        "state": directory / "state",
        "file": directory / "config.yaml",
        "buckets": {},
        "tables": {},
        "roles": {},
        "text": "",
        "owners": {},
        "account": "123456789012",
        "users": (1000, 1004),
    }
    return SimpleNamespace(functions=functions, **facts)


def test_the_disk_is_asked_once_for_each_config_and_users_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def site(config: Any, site: Any = sandbox_site.site) -> Any:
        asked.append(config)
        return site(config)

    monkeypatch.setattr(sandbox_site, "site", site)
    configs = [config(tmp_path, "a", "b", "c"), config(tmp_path, "0", "c")]
    in_force = iter(configs)
    now = next(in_force)
    ground = Ground(lambda: now)
    before = dict(ground.users())
    for _ in range(3):
        assert ground.site().codes == {f"{tmp_path.resolve()}/{name}" for name in "abc"}
    now = next(in_force)
    assert ground.site().codes == {f"{tmp_path.resolve()}/{name}" for name in "0c"}
    assert ground.users()["c"] == before["c"]
    assert ground.users()["0"] not in before.values()
    assert asked == configs


def test_code_that_is_a_link_may_be_turned_to_another_tree(tmp_path: Path) -> None:
    found, link = config(tmp_path.resolve(), "a", "b"), tmp_path / "a"
    ground = Ground(lambda: found)
    for target in ("one", "two"):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        assert ground.site().codes == {f"{tmp_path.resolve()}/{name}" for name in (target, "b")}


def test_a_bucket_that_the_api_made_is_for_who_has_a_role_that_opens_it(tmp_path: Path) -> None:
    found, base = config(tmp_path.resolve(), "a"), tmp_path.resolve()
    found.buckets = {"ours": Bucket("ours", base / "ours"), "made": Bucket("made", base / "state/buckets/made")}
    found.owners = {("buckets", "ours"): "config", ("buckets", "made"): "api"}
    found.roles = {
        "writer": Role(
            "writer", {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::made", "arn:aws:s3:::made/*"]}}
        )
    }
    site = Ground(lambda: found).site()
    ours, made = f"{base}/ours", f"{base}/state/buckets/made"
    assert (site.shared, site.readable, site.denied) == ({ours}, set(), {made})
    writer = site.of(replace(found.functions["a"], role="writer"))
    assert (writer.shared, writer.readable, writer.denied) == ({made}, set(), {ours})


def test_who_declared_a_function_is_told(tmp_path: Path) -> None:
    found = config(tmp_path.resolve(), "ours", "theirs")
    found.owners = {("functions", "ours"): "config", ("functions", "theirs"): "api", ("queues", "ours"): "api"}
    assert Ground(lambda: found).site().declared == {"theirs"}


def test_directories_that_could_be_renamed_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, asked = tmp_path.resolve(), list[str]()
    places, house = (f"{base}/house/handlers/a", f"{base}/house/state"), f"{base}/house"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert sandbox_site.movable(places, house) == {f"{base}/house", f"{base}/house/handlers"}
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("os.access", lambda path, _: asked.append(path) or path == f"{base}/house")
    assert sandbox_site.movable(places, house) == {f"{base}/house/handlers"}
    assert len(asked) == len(set(asked))


def test_layers_are_code(tmp_path: Path) -> None:
    found, base = config(tmp_path.resolve(), "a"), tmp_path.resolve()
    found.functions["a"] = replace(found.functions["a"], layers=(base / "layers/common",))
    assert Ground(lambda: found).site().codes == {f"{base}/a", f"{base}/layers/common"}


def test_what_is_read_by_way_of_a_link_is_read_where_it_lies_too(tmp_path: Path) -> None:
    base = tmp_path.resolve()
    (base / "real/state/code").mkdir(parents=True)
    (base / "link").symlink_to("real")
    code, packages = f"{base}/link/state/code", f"{base}/link/state/runtime"
    found = sandbox_site.needs(Function("f", Path(code), "app.f"), {"code": code, "packages": packages})
    assert found.code == f"{base}/real/state/code"
    assert {packages, f"{base}/real/state/runtime", code} <= set(found.reads)


def test_private_files_that_the_config_has_secrets_from_are_hidden(tmp_path: Path) -> None:
    found, base = config(tmp_path.resolve(), "a"), tmp_path.resolve()
    for name, mode in (("token", 0o600), ("ca.pem", 0o644), ("plain", 0o600), ("other", 0o600)):
        (base / name).touch()
        (base / name).chmod(mode)
    found.text = "a: ${file:./token}\nb: ${file:ca.pem}\nc: $${file:plain}\nd: ${file:gone}\ne: ${env:other}\n"
    site = Ground(lambda: found).site()
    assert site.secrets == {f"{base}/token"}
    assert f"{base}/token" in hidden(site, sandbox_site.Needs(f"{base}/a"))
