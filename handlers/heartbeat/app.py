"""A tick: says when it was due and how much space is left. The event is that of an EventBridge rule on a schedule."""

import shutil


def handler(event, context):
    due = event.get("time", "no planned time")  # invoked by hand it has none
    free = shutil.disk_usage("/tmp").free  # noqa: S108 - Lambda's own place for temporary files
    print(f"alive at {due}, {free // 2**20} MB free in /tmp")
    return {"time": due, "free": free}
