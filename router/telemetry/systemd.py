"""What systemd wants to know: readiness, status, the watchdog. Source: sd_notify(3).

A datagram to $NOTIFY_SOCKET; without that variable nothing is sent. Never raises: a deaf service manager is
no reason to stop serving."""

import os
import socket
from collections.abc import Mapping


class ServiceManager:
    """The service manager that started us, if one did."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog = _watchdog_period(environ)  # seconds between signs of life; 0: none wanted

    def notify(self, *assignments: str) -> bool:
        """Send e.g. "READY=1", "STATUS=…"; whether it went out."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as channel:
                channel.sendto("\n".join(assignments).encode(), self._address)
        except OSError:
            return False
        return True


def _watchdog_period(environ: Mapping[str, str]) -> float:
    """A third of the watchdog's limit, so that two signs of life may be late; 0 when the limit is meant for another process."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    limit = environ.get("WATCHDOG_USEC", "")
    return int(limit) / 3e6 if limit.isdigit() else 0.0
