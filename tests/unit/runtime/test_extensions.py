"""Extensions' conversations, without sockets or processes."""

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from router.events.http import Response
from router.runtime.api_session import Call
from router.runtime.extension_api import Function, Kind, Reason, State
from router.runtime.extensions import Doors, Extensions
from router.web.heads import Head

META = {"id": "one", "arn": "arn:f", "ms": 1000, "trace": ""}


class Caller:
    """A connection that remembers."""

    def __init__(self) -> None:
        self.answers: list[Response] = []

    def answer(self, response: Response) -> None:
        self.answers.append(response)

    def hold(self) -> None:
        raise AssertionError

    def go_on(self) -> None:
        raise AssertionError

    @property
    def status(self) -> int:
        return self.answers[-1].status if self.answers else 0

    @property
    def body(self) -> Any:
        assert isinstance(self.answers[-1].body, bytes)
        return json.loads(self.answers[-1].body)


class House:
    """Extensions, and their clients by name."""

    def __init__(self, *names: str) -> None:
        self.changes = 0
        self.extensions = Extensions(names, Function("f", "$LATEST", "app.handler", ""), lambda: 1000.0, self._changed)
        self.identifiers: dict[str, str] = {}

    def _changed(self) -> None:
        self.changes += 1

    def ask(self, method: str, path: str, name: str = "", body: bytes = b"", **headers: str) -> Caller:
        caller = Caller()
        given = [(key.replace("_", "-"), value) for key, value in headers.items()]
        if name:
            given.append(("lambda-extension-identifier", self.identifiers.get(name, "00000000-0000-4000-8000-000000000000")))
        head = Head(method, f"/2020-01-01/extension/{path}", "HTTP/1.1", given, "h", 0, False, False)
        call = self.extensions.call(head, caller)
        if body:
            call.feed(body)
        call.end(())
        return caller

    def register(self, name: str, *events: str) -> Caller:
        caller = self.ask("POST", "register", body=json.dumps({"events": events}).encode(), lambda_extension_name=name)
        if caller.status == 200:
            self.identifiers[name] = dict(caller.answers[0].headers)["Lambda-Extension-Identifier"]
        return caller

    def next(self, name: str) -> Caller:
        return self.ask("GET", "event/next", name)


def test_init_is_over_when_all_have_asked_for_their_first_event() -> None:
    house = House("a", "b")
    house.register("a", "INVOKE")
    assert not house.extensions.registered
    house.register("b", "SHUTDOWN")
    assert house.extensions.registered
    assert not house.extensions.settled
    house.next("a")
    house.next("b")
    assert house.extensions.settled
    assert house.changes == 4


def test_an_invocation_is_over_when_those_who_were_told_ask_again() -> None:
    house = House("a", "b")
    house.register("a", "INVOKE")
    house.register("b")
    first, other = house.next("a"), house.next("b")
    house.extensions.open = False
    house.extensions.invoke(META)
    assert first.body["requestId"] == "one"
    assert other.answers == []
    assert not house.extensions.settled
    house.next("a")
    assert house.extensions.settled


def test_an_event_waits_for_who_has_not_asked_and_for_who_has_left() -> None:
    house = House("a")
    house.register("a", "INVOKE", "SHUTDOWN")
    gone = house.next("a")
    house.extensions.left(gone)
    house.extensions.open = False
    house.extensions.invoke(META)
    assert gone.answers == []
    assert not house.extensions.settled
    assert house.next("a").body["eventType"] == "INVOKE"
    house.extensions.shut_down(Reason.FAILURE, 2.0)
    assert house.next("a").body == {"eventType": "SHUTDOWN", "shutdownReason": "FAILURE", "deadlineMs": 1_002_000}


def test_errors_are_kept_the_first_of_them() -> None:
    house = House("a", "b")
    for name in "ab":
        house.register(name, "INVOKE")
    assert house.ask("POST", "init/error", "a").status == 403  # without a type
    assert house.extensions.failure is None
    assert house.ask("POST", "init/error", "a", lambda_extension_function_error_type="Extension.NoKey").status == 202
    assert house.ask("POST", "exit/error", "b", lambda_extension_function_error_type="Extension.Other").status == 202
    failure = house.extensions.failure
    assert failure is not None
    assert (failure[0].name, failure[0].state, failure[1]) == ("a", State.INIT_ERROR, "Extension.NoKey")
    assert house.next("a").status == 403


def test_internal_extensions_register_while_init_goes_on() -> None:
    house = House("out")
    assert house.register("in", "INVOKE").status == 200
    assert house.register("in", "INVOKE").body["errorType"] == "Extension.InvalidExtensionState"
    assert house.register("other", "SHUTDOWN").body["errorType"] == "Extension.InvalidEventType"
    for number in range(8):
        assert house.register(f"in{number}").status == 200
    assert house.register("eleventh").body["errorType"] == "Extension.TooManyExtensions"
    house.extensions.open = False
    assert house.register("late").body["errorType"] == "Extension.RegistrationClosed"
    assert not house.extensions.registered
    assert house.register("out", "SHUTDOWN").status == 200


def test_an_identifier_is_good_once_its_extension_has_registered() -> None:
    house = House("a")
    house.identifiers["a"] = house.extensions.all["a"].identifier
    assert house.next("a").body["errorType"] == "Extension.UnknownExtensionIdentifier"


def test_a_large_body_is_not_kept() -> None:
    house = House("a")
    caller = house.ask("POST", "register", body=b"x" * 1_000_000, lambda_extension_name="a")
    assert caller.status == 413


@pytest.mark.parametrize("path", ["/2018-06-01/runtime/invocation/next", "/nowhere"])
def test_a_port_without_a_runtime_serves_extensions_alone(path: str) -> None:
    house, caller = House("a"), Caller()
    doors = Doors(house.extensions, {"/2022-07-01/telemetry": lambda head, who: Call(who, Response(418))})
    doors.call(Head("GET", path, "HTTP/1.1", (), "h", 0, False, False), caller).end(())
    assert caller.status == 404
    doors.call(Head("PUT", "/2022-07-01/telemetry/", "HTTP/1.1", (), "h", 0, False, False), caller).end(())
    assert caller.status == 418
    doors.left(caller, unread=False)


class Conversation(RuleBasedStateMachine):
    """Any order of calls and events: nobody hears of an event twice, or without having asked for it."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House("a", "b")
        self.told = 0
        self.heard: dict[str, list[str]] = {"a": [], "b": []}
        self.callers: dict[str, list[Caller]] = {"a": [], "b": []}

    @rule(name=st.sampled_from("ab"), events=st.sets(st.sampled_from(Kind)))
    def register(self, name: str, events: set[Kind]) -> None:
        before = self.house.extensions.all[name].state
        assert (self.house.register(name, *events).status == 200) == (before is State.STARTED)

    @rule(name=st.sampled_from("ab"))
    def next(self, name: str) -> None:
        self.callers[name].append(self.house.next(name))

    @rule(name=st.sampled_from("ab"))
    def leave(self, name: str) -> None:
        if self.callers[name]:
            self.house.extensions.left(self.callers[name][-1])

    @precondition(lambda self: self.house.extensions.registered and self.house.extensions.settled)
    @rule()
    def invoke(self) -> None:
        self.house.extensions.open = False
        self.told += 1
        self.house.extensions.invoke({**META, "id": str(self.told)})

    @invariant()
    def events_come_once_and_in_order(self) -> None:
        for name, callers in self.callers.items():
            extension = self.house.extensions.all[name]
            heard = [caller.body["requestId"] for caller in callers if caller.status == 200]
            assert len(heard) == len(set(heard))
            wanted = Kind.INVOKE in extension.events
            assert [int(one) for one in heard] == list(range(1, len(heard) + 1))
            assert len(heard) + len(extension.held) == (self.told if wanted else 0)
            assert extension.waiting is None or not extension.held


Conversation.TestCase.settings = settings(max_examples=30, stateful_step_count=25)
TestConversation = Conversation.TestCase
