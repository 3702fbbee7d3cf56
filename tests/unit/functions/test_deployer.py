"""Trees come and go with who uses them."""

from pathlib import Path

from router.config.types import Config, Function
from router.functions.deployer import GRACE, Deployer, trees_of
from tests.helpers.archives import packed
from tests.helpers.clock import VirtualClock


async def test_a_tree_goes_a_while_after_its_last_use(tmp_path: Path) -> None:
    clock, code = VirtualClock(), tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text("x = 1")
    layers = (packed(tmp_path / "1.zip", {"python/a.py": ""}), packed(tmp_path / "2.zip", {"python/b.py": ""}))
    config = Config(tmp_path / "config.yaml", tmp_path / "state", functions={"f": Function("f", code, "app.f", layers=layers)})
    deployer = Deployer(config.state, clock)
    await deployer.open()
    first = (await deployer.deploy(config)).functions["f"]
    (code / "app.py").write_text("x = 2")
    second = (await deployer.deploy(config)).functions["f"]
    assert first.code != second.code
    assert first.opt == second.opt
    assert await deployer.collect([second]) == 0, "an invocation may be about to need it"
    await clock.advance(GRACE + 1)
    assert await deployer.collect([first, second]) == 0, "it is in use again"
    assert await deployer.collect([second]) == 0
    await clock.advance(GRACE + 1)
    assert await deployer.collect([second]) == 1
    assert not first.code.exists()
    assert all(tree.is_dir() for tree in trees_of(second))
    assert len(list(trees_of(second))) == 4


async def test_code_that_comes_back_is_not_removed_before_it_is_in_force(tmp_path: Path) -> None:
    """Who goes back to what was served before has its tree, unused for a while, and not yet in force."""
    clock, code = VirtualClock(), tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text("x = 1")
    config = Config(tmp_path / "config.yaml", tmp_path / "state", functions={"f": Function("f", code, "app.f")})
    deployer = Deployer(config.state, clock)
    await deployer.open()
    first = (await deployer.deploy(config)).functions["f"]
    (code / "app.py").write_text("x = 22")
    second = (await deployer.deploy(config)).functions["f"]
    assert await deployer.collect([second]) == 0
    await clock.advance(GRACE + 1)
    (code / "app.py").write_text("x = 1")
    assert (await deployer.deploy(config)).functions["f"].code == first.code
    assert await deployer.collect([second]) == 0
    assert first.code.is_dir()


async def test_some_functions_may_be_deployed_alone(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("")
    functions = {name: Function(name, tmp_path / "app", "app.f") for name in "ab"}
    (tmp_path / "app").mkdir()
    (tmp_path / "app/app.py").write_text("")
    config = Config(tmp_path / "config.yaml", tmp_path / "state", functions=functions)
    deployer = Deployer(config.state, VirtualClock())
    await deployer.open()
    assert list((await deployer.deploy(config, [functions["b"]])).functions) == ["b"]
