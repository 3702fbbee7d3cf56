"""What queues do, in lists: slow, obvious, forgetful. The store must answer as this does."""

import hashlib
from dataclasses import dataclass, field, replace

from router.config.types import Queue
from router.events.sqs_rules import DEDUPLICATION, New


@dataclass
class Held:
    """One message."""

    name: int  # drawn by the test: the order of the sends
    queue: str
    lane: str
    body: str
    visible: float
    arrived: float
    receives: int = 0
    carried: int = 0
    token: int = 0  # number of the last receive
    holder: str = ""
    source: str = ""
    order: int = 0


@dataclass
class ModelQueues:
    """All queues."""

    settings: dict[str, Queue]
    now: float = 0.0
    messages: list[Held] = field(default_factory=list)
    seen: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    orders: int = 0

    def _place(self) -> int:
        self.orders += 1
        return self.orders

    def send(self, name: str, message: New) -> int:
        """The number of the message that is stored; of the earlier one for a duplicate."""
        queue = self.settings[name]
        order = self._place() if not queue.fifo else 0
        if queue.fifo:
            key = name, message.deduplication or hashlib.sha256(message.body.encode()).hexdigest()
            until, number = self.seen.get(key, (0.0, 0))
            if until > self.now:
                return number
            order = self._place()
            self.seen[key] = self.now + DEDUPLICATION, order
        delay = queue.delay if message.delay is None else message.delay
        lane = message.group if queue.fifo else ""
        self.messages.append(Held(order, name, lane, message.body, self.now + delay, self.now, order=order))
        return order

    def _due(self, queue: str, lane: str) -> float:
        mine = [m for m in self.messages if (m.queue, m.lane) == (queue, lane)]
        return min(mine, key=lambda m: m.order).visible

    def _line(self, queue: Queue) -> list[Held]:
        mine = sorted((m for m in self.messages if m.queue == queue.name), key=lambda m: m.order)
        if not queue.fifo:
            return sorted((m for m in mine if m.visible <= self.now), key=lambda m: (m.visible, m.order))
        line: list[Held] = []
        dues = sorted((self._due(queue.name, lane), lane) for lane in {m.lane for m in mine})
        for due, lane in dues:
            if due <= self.now:
                for message in (m for m in mine if m.lane == lane):
                    if message.visible > self.now:
                        break
                    line.append(message)
        return line

    def receive(self, name: str, most: int, visibility: float, holder: str = "") -> list[Held]:
        """Those received, already marked."""
        queue, taken = self.settings[name], []
        for message in self._line(queue):
            if len(taken) == most:
                break
            if message.arrived < self.now - queue.retention:
                self.messages.remove(message)
            elif queue.redrive and message.receives - message.carried >= queue.redrive.max_receive_count:
                message.queue, message.visible, message.source, message.holder = queue.redrive.queue, self.now, name, ""
                message.carried, message.token, message.order = message.receives, 0, self._place()
                if queue.fifo:
                    message.arrived = self.now
            else:
                message.visible, message.holder = self.now + visibility, holder
                message.receives += 1
                message.token = self._token()
                taken.append(message)
        return taken

    def _token(self) -> int:
        self.tokens = getattr(self, "tokens", 0) + 1
        return self.tokens

    def delete(self, message: Held, token: int, queue: str) -> str:
        """The name of the error; nothing when it is done or there is nothing to do."""
        if message not in self.messages or message.queue != queue:
            return ""
        if self.settings[queue].fifo and (message.visible <= self.now or message.token != token):
            return "InvalidParameterValue"
        if message.token == token:
            self.messages.remove(message)
        return ""

    def change(self, message: Held, token: int, queue: str, seconds: float) -> str:
        """The same for a change of the visibility timeout."""
        if message not in self.messages or message.queue != queue:
            return "InvalidParameterValue"
        if message.token != token or message.visible <= self.now:
            return "MessageNotInflight"
        message.visible, message.holder = self.now + seconds, ""
        return ""

    def give_back(self, message: Held, token: int, queue: str) -> None:
        """A receive that did not happen."""
        if message in self.messages and message.queue == queue and message.token == token and message.visible > self.now:
            message.visible, message.holder, message.token = self.now, "", 0
            message.receives -= 1

    def purge(self, name: str) -> int:
        """Remove all, and forget what was sent."""
        self.seen = {key: found for key, found in self.seen.items() if key[0] != name}
        gone = [m for m in self.messages if m.queue == name]
        self.messages = [m for m in self.messages if m.queue != name]
        return len(gone)

    def redrive(self, name: str, destination: str) -> None:
        """Move what is visible."""
        for former in sorted(self.messages, key=lambda m: m.order):
            target = destination or former.source
            if former.queue == name and former.visible <= self.now and target:
                message = self.messages[self.messages.index(former)] = replace(former)  # a new one: no handle is its own
                message.queue, message.visible, message.arrived, message.source = target, self.now, self.now, ""
                message.receives = message.carried = message.token = 0
                message.order = self._place()

    def die(self) -> None:
        """What mappings held is free again."""
        for message in self.messages:
            if message.holder:
                message.visible, message.holder = self.now, ""

    def counts(self) -> dict[str, tuple[int, int]]:
        """Messages, and those in flight."""
        return {
            name: (
                sum(m.queue == name for m in self.messages),
                sum(m.queue == name and m.receives > 0 and m.visible > self.now for m in self.messages),
            )
            for name in self.settings
        }
