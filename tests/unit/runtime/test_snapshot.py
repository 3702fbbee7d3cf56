"""What an init left behind."""

import os
import re
import socket
import threading
from pathlib import Path

from router.runtime.snapshot import refusal, standing


def test_threads_sockets_and_pipes_are_told_and_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one\ntwo\n")
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="poller")
    thread.start()
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    with ours, theirs, path.open("rb") as file, socket.create_server(("127.0.0.1", 0)) as server:
        file.read(3)
        os.lseek(file.fileno(), 4, os.SEEK_SET)
        with socket.create_connection(server.getsockname()) as client:
            files, wrong = standing()
            peer = server.getsockname()
            assert f"socket {client.fileno()} (connected to {peer[0]}:{peer[1]})" in wrong
            assert {f"socket {ours.fileno()}", f"socket {server.fileno()}", "thread poller"} <= set(wrong)
            assert sum(bool(re.fullmatch(rf"descriptor ({reading}|{writing}) \(pipe:\[\d+\]\)", one)) for one in wrong) == 2
            assert [one.offset for one in files if one.number == file.fileno()] == [4]
    done.set()
    thread.join()
    os.close(reading)
    os.close(writing)
    assert "thread poller" not in standing()[1]


def test_the_refusal_names_all_of_it() -> None:
    assert "there are: thread a, socket 7. " in refusal(["thread a", "socket 7"])
