"""A word is said three times; the nested application has counted it, and nothing else."""

from tests.apps.app import App

OPTIONS = ("--stack-name", "words")


def drive(app: App) -> None:
    for _ in range(3):
        assert app.http("POST", "/words/hello").status == 202
    said = app.seen("three hellos", lambda: found if (found := app.http("GET", "/words/hello").json)["n"] == 3 else None)
    assert said["stack"] == "words-Counter"
    assert app.http("GET", "/words/bye").json == {"n": 0, "stack": None}
    count = app.client("lambda").get_function_configuration(FunctionName="CounterCount")
    assert (count["MemorySize"], count["Timeout"]) == (256, 3)
