"""The functions of config.yaml, their triggers included."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from router.config import handler as handlers
from router.config import log_settings, versions
from router.config.destinations import destination
from router.config.fragments import PLACES
from router.config.node import Node
from router.config.problems import ours, shown
from router.config.types import Function, Names, Trigger

NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")  # Lambda API reference, CreateFunction
_KNOWN: Final = (
    "code",
    "handler",
    "runtime",
    "command",
    "timeout",
    "memory",
    "environment",
    "layers",
    "python",
    "aliases",
    "reserved_concurrency",
    "provisioned_concurrency",
    "snap_start",
    "isolation",
    "require",
    "ephemeral_storage",
    *log_settings.KEYS,
    "internal_extensions",
    "maximum_retry_attempts",
    "maximum_event_age",
    "payloads",
    "role",
    "on_success",
    "on_failure",
    "dead_letter",
    "triggers",
)
REQUIREMENTS: Final = ("no_network", "memory_limit", "private_tmp", "pid_namespace", "own_user")
_RUNTIMES: Final = re.compile(r"python(3\.[0-9]{1,2})?|nodejs([0-9]{1,2}\.x)?|provided(\.al2|\.al2023)?|command")
_LATER_RUNTIMES: Final = re.compile(r"(java|dotnet|ruby|go)[a-z0-9.]*")
_WRITE: Final = "write python, python3.N, nodejs, nodejsN.x, provided, provided.al2, provided.al2023 or command"
_VARIABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST_VARIABLE: Final = 128 * 1024 - 1  # bytes of NAME=VALUE: execve(2), MAX_ARG_STRLEN

_DEFAULT: Final = Function("", Path(), "")

RESERVED: Final = frozenset(
    {  # Lambda developer guide, "Defined runtime environment variables"; AWS_LAMBDA_* as a whole beside them
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)

Runtimes = Callable[[str], str]
"""A runtime's name → "" when this machine can run it, else one sentence that says what is wrong."""
Interpreters = Callable[[str, Path], str]
"""A runtime's name and the path of an interpreter → "" when that can run it, else what is wrong."""
LAYERS: Final = 5  # of one function: Lambda quotas


@dataclass(slots=True)
class Reader:
    """Reads functions one after another."""

    names: Names
    triggers: Mapping[str, type[Trigger]]
    runtimes: Runtimes | None
    interpreters: Interpreters | None

    def functions(self, node: Node) -> dict[str, Function]:
        """The value under `functions`."""

        def read(name: str, child: Node) -> Function:
            if not NAME.fullmatch(name):
                node.misnamed(name, "a function's name is 1 to 64 letters, digits, hyphens and underscores")
            return self._function(name, child.form(known=_KNOWN))

        return node.each(read)

    def _function(self, name: str, form: Node) -> Function:
        before = form.mistakes
        code, runtime = form.file("code"), self._runtime(form)
        handler, command = _handler(form, runtime), _command(form, runtime)
        layers, python = _layers(form), self._python(form, runtime)
        aliases = versions.aliases(form)
        if form.mistakes == before:
            handlers.check(form, Function(name, code, handler, runtime, command=command, layers=layers), inside=form.line > 0)
        return Function(
            name=name,
            code=code,
            handler=handler,
            runtime=runtime,
            command=command,
            layers=layers,
            python=python,
            aliases=aliases,
            timeout=form.seconds("timeout", _DEFAULT.timeout, low=1, high=900),
            memory=form.megabytes("memory", _DEFAULT.memory, low=128, high=10240),
            environment=_environment(form),
            **_isolation(form),
            ephemeral_storage=form.megabytes("ephemeral_storage", _DEFAULT.ephemeral_storage, low=512, high=10240),
            reserved_concurrency=form.integer("reserved_concurrency", low=0, high=10_000) if form.has("reserved_concurrency") else None,
            provisioned_concurrency=_provisioned(form, runtime),
            snap_start=_snap_start(form, runtime),
            maximum_retry_attempts=form.integer("maximum_retry_attempts", _DEFAULT.maximum_retry_attempts, low=0, high=2),
            maximum_event_age=form.seconds("maximum_event_age", _DEFAULT.maximum_event_age, low=60, high=21600),
            logging=log_settings.read(form),
            internal_extensions=_internal_extensions(form, runtime),
            role=self._role(form),
            payloads=form.choice("payloads", "on", ("on", "off")) == "on",
            on_success=destination(form, "on_success", self.names),
            on_failure=destination(form, "on_failure", self.names),
            dead_letter=destination(form, "dead_letter", self.names, ("queue",)),
            **self._triggers(form, aliases),
        )

    def _role(self, form: Node) -> str:
        role = form.text("role", _DEFAULT.role)
        if role not in self.names.roles and form.has("role"):
            form.problem(f"no role {shown(role)}{form.did_you_mean(role, self.names.roles)}; roles are defined under roles", "role")
        return role

    def _runtime(self, form: Node) -> str:
        runtime = form.text("runtime", _DEFAULT.runtime)
        if _RUNTIMES.fullmatch(runtime):
            wrong = self.runtimes(runtime) if self.runtimes else ""
        elif _LATER_RUNTIMES.fullmatch(runtime):
            wrong = f"{runtime}: not supported yet; {_WRITE}"
        else:
            wrong = f"{shown(runtime)} is no runtime; {_WRITE}"
        if wrong and form.has("runtime") and "${" not in form.written("runtime"):
            form.problem(wrong, "runtime")
        elif wrong:
            form.problem(f"no runtime that can be used here; {_WRITE}", "runtime")
        return runtime

    def _python(self, form: Node, runtime: str) -> Path | None:
        """The interpreter that the function brings."""
        if not form.has("python"):
            return None
        path = form.file("python")
        if not runtime.startswith("python"):
            form.problem("only used by runtimes of Python", "python")
        elif wrong := self.interpreters(runtime, path) if self.interpreters else "":
            form.problem(wrong, "python")
        return path

    def _triggers(self, form: Node, aliases: Collection[str]) -> dict[str, Any]:
        """The enabled triggers, where each stands among all that are listed, and what it invokes."""
        listed = form.child("triggers")
        read = [(_place(node, at), self._trigger(node, aliases)) for at, node in enumerate(listed.elements())] if listed else []
        found = [(place, *entry) for place, entry in read if entry is not None]
        return {
            "triggers": tuple(trigger for _, trigger, _ in found),
            "places": tuple(place for place, _, _ in found),
            "qualifiers": tuple(qualifier for _, _, qualifier in found),
        }

    def _trigger(self, node: Node, aliases: Collection[str]) -> tuple[Trigger, str] | None:
        """One element of the list: {word: value}, and its qualifier; None when it is disabled or cannot be read."""
        entries = [] if node.scalar else node.items()
        if len(entries) != 1:
            node.problem(f"a trigger is one word and its value, as schedule: rate(5 minutes); words: {', '.join(self.triggers)}")
            return None
        word, value = entries[0]
        kind = self.triggers.get(word)
        if kind is None:
            there_are = f"; words: {', '.join(self.triggers)}"
            node.misnamed(word, f"unknown trigger{node.did_you_mean(ours(word), self.triggers) or there_are}")
            return None
        enabled = value.boolean("enabled", default=True)
        before = node.mistakes
        qualifier = versions.qualifier(value, aliases)
        trigger = kind.read(value.without("enabled").without("qualifier"), self.names)
        if not enabled or node.mistakes > before:
            return None
        self._claim(trigger.claim, value)
        return trigger, qualifier

    @staticmethod
    def _claim(claim: str, value: Node) -> None:
        if not claim:
            return
        first = value.document.readings.claim(claim, f"{value.path} ({value.place})")
        if not first.startswith(f"{value.path} "):
            value.problem(f"{shown(claim, 200)} is taken already by {first}")


def read(
    node: Node, names: Names, triggers: Mapping[str, type[Trigger]], runtimes: Runtimes | None, interpreters: Interpreters | None = None
) -> dict[str, Function]:
    """The value under `functions`; mistakes are noted on the node."""
    return Reader(names, triggers, runtimes, interpreters).functions(node)


def _place(node: Node, at: int) -> int:
    """Where a trigger stands: one of the API's keeps its place whatever config.yaml lists, and whatever the API declares besides."""
    return PLACES + node.declared if node.declared else at


def _isolation(form: Node) -> dict[str, Any]:
    """How far it is confined, and what must not be missing."""
    isolation, require = form.choice("isolation", _DEFAULT.isolation, ("auto", "strict", "none")), form.strings("require")
    for control in require:
        if control not in REQUIREMENTS:
            form.problem(f"{shown(control)} is no control; write some of {', '.join(REQUIREMENTS)}", "require")
    if require and isolation == "none":
        form.problem("isolation: none has no controls to require; write isolation: auto", "require")
    return {"isolation": isolation, "require": tuple(dict.fromkeys(require))}


def _handler(form: Node, runtime: str) -> str:
    """file.function where the runtime loads it; whatever a bootstrap makes of it; nothing for a command."""
    if runtime == "command":
        if form.has("handler"):
            form.problem("not used by runtime command; what runs is command", "handler")
        return ""
    if runtime.startswith("provided") and not form.has("handler"):
        return ""
    return form.text("handler", pattern=r"\S{1,128}", what="a handler; write file.function")


def _layers(form: Node) -> tuple[Path, ...]:
    """Directories or .zip files, in the order in which they are laid over one another."""
    written = form.strings("layers")
    if not all(written):
        form.problem("an empty path; leave the key out for no layer", "layers")
    layers = tuple(form.beside(text) for text in written if text)
    if len(layers) > LAYERS:
        form.problem(f"a function has {LAYERS} layers at most", "layers")
    return layers


def _command(form: Node, runtime: str) -> tuple[str, ...]:
    if runtime != "command":
        if form.has("command"):
            form.problem("only used by runtime: command", "command")
        return ()
    command = form.strings("command")
    if not form.has("command"):
        form.problem("is required by runtime command; write [./script.sh, argument]", "command")
    elif not command or not command[0] or any("\0" in word for word in command):
        form.problem("a program and its arguments; write [./script.sh, argument]", "command")
    return command


def _provisioned(form: Node, runtime: str) -> int:
    provisioned = form.integer("provisioned_concurrency", _DEFAULT.provisioned_concurrency, low=0, high=10_000)
    if provisioned and runtime == "command":
        form.problem(
            "runtime command starts a process for each invocation: there is nothing to initialise before", "provisioned_concurrency"
        )
    return provisioned


def _snap_start(form: Node, runtime: str) -> bool:
    wanted = form.boolean("snap_start", default=False)
    if wanted and not runtime.startswith("python"):
        form.problem("only Python functions can be started from a snapshot", "snap_start")
    elif wanted and form.has("provisioned_concurrency"):
        form.problem("not together with provisioned_concurrency, as on AWS", "snap_start")
    return wanted


def _environment(form: Node) -> dict[str, str]:
    found: dict[str, str] = {}
    child = form.child("environment")
    for name, each in child.items() if child else ():
        assert child is not None  # no entries without it
        wrong = _misnamed(name)
        if wrong:
            child.misnamed(name, wrong)
        value = found[name] = each.text("")
        child.secret(name, value)
        if len(name) + 1 + len(value.encode()) > _LONGEST_VARIABLE:
            child.problem("name and value are longer than the 128 KB that Linux gives one variable", name)
    return found


def _misnamed(name: str) -> str:
    if name == "AWS_LAMBDA_EXEC_WRAPPER":
        return "wrapper scripts are not supported yet"
    if name in RESERVED or name.startswith("AWS_LAMBDA_"):
        return "reserved: Lambda sets this variable itself"
    return "" if _VARIABLE.fullmatch(name) else "a variable's name begins with a letter and is letters, digits and underscores"


def _internal_extensions(form: Node, runtime: str) -> bool:
    wanted = form.boolean("internal_extensions", default=False)
    if wanted and runtime == "command":
        form.problem("runtime command has no init in which an extension could register", "internal_extensions")
    elif wanted and form.boolean("snap_start", default=False):
        form.problem("not together with snap_start", "internal_extensions")
    return wanted
