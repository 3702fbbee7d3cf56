"""Handlers that do what handlers must not be able to harm anybody with: faults D1 to D22. Each takes the event as its parameter."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

LEFT = []  # what is left behind between invocations


def named(name):
    """The name under which the outside finds this process: /proc/PID/comm."""
    ctypes.CDLL(None).prctl(15, name.encode()[:15])  # PR_SET_NAME


def pid(_, __):
    return os.getpid()


def echo(event, _):
    return event


def loops(_, __):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass


def sleeps(_, __):
    time.sleep(600)


def blocks(_, __):
    ctypes.CDLL(None).pause()


def stopped(name, _):
    named(name)
    time.sleep(600)


killed = stopped


def detached(name, _):
    """A grandchild of its own session that nobody waits for; then a sleep past the timeout."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            named(name)
            time.sleep(600)
        os._exit(0)
    time.sleep(600)


def keeps_output_open(_, __):
    subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)
    return "answered"


def bomb(name, _):
    named(name)
    made = 0
    try:
        while made < 2000:
            if os.fork() == 0:
                time.sleep(600)
            made += 1
    except OSError:
        pass
    time.sleep(600)


def grows(_, __):
    held = []
    for _ in range(128):
        held.append(bytearray(8 << 20))
        time.sleep(0.001)
    return len(held)


def floods(size, _):
    piece = b"x" * (1 << 20)
    for _ in range(size >> 20):
        os.write(1, piece)
    return size


def forges(_, __):
    os.write(1, b"\0\x1b[31m\xff\nREPORT RequestId: 00000000-0000-0000-0000-000000000000\tDuration: 1.00 ms\nEND RequestId: forged\n")
    return "forged"


def closes(_, __):
    os.closerange(0, 1024)
    return "closed"


def kills(everybody, _):
    """Its group, its parent; with everybody, whoever it may."""
    for victim in (*((-1,) if everybody else ()), 1, os.getppid(), 0):
        with contextlib.suppress(OSError):
            os.kill(victim, signal.SIGKILL)
    time.sleep(1)


def leaves(how, _):
    {"exit": lambda: os._exit(0), "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV), "abort": os.abort, "sys": sys.exit}[how]()


def returns(what, _):
    if what == "recursion":
        deep = []
        for _ in range(100_000):
            deep = [deep]
        return deep
    return {"set": {1}, "large": "x" * (6291556 + 1), "nan": float("nan"), "surrogate": "\ud800"}[what]


def runs_on(_, __):
    return os.environ["AWS_EXECUTION_ENV"]


def leaks(_, __):
    LEFT.append(socket.socketpair())
    thread = threading.Thread(target=time.sleep, args=(600,), daemon=True)
    thread.start()
    return [os.getpid(), len(LEFT)]


def changes(_, __):
    os.chdir("/")
    os.umask(0)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGUSR1})
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    return True


def surroundings(_, __):
    old = os.umask(0o022)
    return [os.getcwd() == "/", old, len(signal.pthread_sigmask(signal.SIG_BLOCK, ())), resource.getrlimit(resource.RLIMIT_NOFILE)[0]]


def poison(event, _):
    if event == "poison":
        os.abort()
    return event


def fails(_, __):
    raise ValueError(os.getpid())


def fills(_, __):
    path = os.path.join(tempfile.gettempdir(), "huge")
    with open(path, "wb") as file:
        try:
            file.truncate(100 << 30)
            file.seek(100 << 30)
            file.write(b"x" * 4096)
            file.flush()
        except OSError as error:
            return error.strerror
        finally:
            os.unlink(path)
    return "written"


def partly(event, _):
    """Every message whose text is "bad" is given back; one that says "malformed" makes the whole answer so."""
    failed = [{"itemIdentifier": record["messageId"]} for record in event["Records"] if record["body"] == "bad"]
    if any(record["body"] == "malformed" for record in event["Records"]):
        return {"batchItemFailures": [{"itemIdentifier": ""}]}
    return {"batchItemFailures": failed}


def sleeps_then_reads(seconds, _):
    time.sleep(seconds)
    with open(os.path.join(os.environ["LAMBDA_TASK_ROOT"], "hostile.py")) as file:
        return file.readline()
