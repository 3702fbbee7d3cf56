"""Two stacks, of which one reads what the other exports: a file comes in, its rows lie in the queue, and the report knows of it.

`cdk.out` is what `cdk synth` of aws-cdk-lib 2.275.0 wrote for an application of ours, without what nothing reads, and without the code of
the functions that CDK adds for its own custom resources (Apache-2.0)."""

from tests.apps.app import App

NODE = True


def drive(app: App) -> None:
    for name, content in (("in/orders.txt", b"one\ntwo\n"), ("out/ignored.txt", b"three\n")):
        path = f"data/intake-inbox-a8-e05-dc3/{name}"
        (app.directory / path).parent.mkdir()
        app.drop(path, content)
    rows = app.received("IntakeRows2606D84C", 2)
    assert sorted(row["Body"] for row in rows) == ["one", "two"]
    report = app.seen("the report", lambda: found if (found := app.http("GET", "/report").json)["told"] else None)
    assert report == {"told": ["in/orders.txt: 2"], "queue": "IntakeRows2606D84C", "path": "/report"}
    functions = app.client("lambda")
    named = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
    assert sorted(named) == ["IntakeTakeAAA5D174", "ReportTakeAAA5D174"]
    assert functions.get_function_configuration(FunctionName="ReportTakeAAA5D174")["Environment"]["Variables"]["STACK"] == "Report"
