"""Layers over one another."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from router.functions.overlay import Place, merged


def test_the_later_one_wins() -> None:
    first = {"python": True, "python/a.py": False, "python/b.py": False, "bin": False}
    second = {"python": True, "python/b.py": False, "lib": True}
    assert merged([first, second]) == {
        "bin": Place(0, directory=False),
        "lib": Place(1, directory=True),
        "python": Place(0, directory=True),
        "python/a.py": Place(0, directory=False),
        "python/b.py": Place(1, directory=False),
    }


def test_a_file_takes_the_place_of_a_directory_and_the_other_way_round() -> None:
    assert merged([{"a": True, "a/b": False, "ab": False}, {"a": False}]) == {
        "a": Place(1, directory=False),
        "ab": Place(0, directory=False),
    }
    assert merged([{"a": False}, {"a": True, "a/b": False}]) == {"a": Place(1, directory=True), "a/b": Place(1, directory=False)}


SEGMENT = st.sampled_from("abc")
LAYER = st.dictionaries(st.lists(SEGMENT, min_size=1, max_size=3).map("/".join), st.booleans(), max_size=6)


def whole(layer: dict[str, bool]) -> dict[str, bool]:
    """With the parents of what it lists; what lies below a file goes."""
    for path in sorted(layer):
        for parent in list(Path(path).parents)[:-1]:
            layer = {**layer, str(parent): True}
    return layer


@given(st.lists(LAYER.map(whole), max_size=4))
def test_as_unpacking_one_after_another_would_have_it(layers: list[dict[str, bool]]) -> None:
    """A model: a dictionary written layer by layer."""
    model: dict[str, tuple[int, bool]] = {}
    for index, layer in enumerate(layers):
        for path, directory in sorted(layer.items()):
            if directory and path in model and model[path][1]:
                continue
            model = {one: at for one, at in model.items() if one != path and not one.startswith(f"{path}/")}
            model[path] = (index, directory)
    found = merged(layers)
    assert {path: tuple(place) for path, place in found.items()} == model
    for path in found:  # parents first, and directories
        parent = path.rpartition("/")[0]
        assert not parent or (found[parent].directory and list(found).index(parent) < list(found).index(path))
