"""What one client may cost: sizes, times, connections."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one listener. Times in seconds, sizes in bytes."""

    header: float = 10.0  # from the first byte of a request, or from the connection's start, to the end of its headers
    body: float = 60.0  # from the headers' end to the body's
    body_grace: float = 5.0  # before the rate counts
    body_rate: int = 1024  # bytes a second, on average
    write: float = 60.0  # for a client to take an answer, or the next piece of a streamed one
    idle: float = 75.0  # between two requests of one connection
    linger: float = 2.0  # to go on reading, and throw away, what a refused client still sends: it would miss the answer else
    connections: int = 1000  # at one time
    per_address: int = 100  # connections of one client address; Unix sockets have none
    per_local: int = 1000  # of a client on this machine: all that come through a proxy have its address
    line: int = 8 * 1024  # request line
    header_count: int = 100
    header_bytes: int = 32 * 1024  # all headers
    trailer_bytes: int = 8 * 1024  # all trailers of a chunked body
    body_bytes: int = 6 * 1024 * 1024  # as on the wire, chunk framing removed
    held_bytes: int = 256 * 1024 * 1024  # of bodies that arrive and answers that are not taken yet, all connections together
