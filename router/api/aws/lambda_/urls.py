"""Function URLs: the trigger `url`, in Lambda's words."""

from collections.abc import Mapping
from typing import Any, Final

from router.api.aws.lambda_.place import NOTHING, conflict, invalid, missed, missing, page, text
from router.api.aws.lambda_.rooms import Rooms
from router.api.aws.service import Call, Members
from router.api.declared import DeclaredInConfig
from router.config.fragments import TRIGGERS, Fragment
from router.events.function_url import url_domain
from router.names import LATEST, iso_ms
from router.sources.http import HttpSource
from router.sources.http_triggers import UrlTrigger

PAGE: Final = 50
_MODES: Final = {"BUFFERED": "buffered", "RESPONSE_STREAM": "response_stream"}
_CORS: Final = (
    ("AllowCredentials", "allow_credentials"),
    ("AllowHeaders", "allow_headers"),
    ("AllowMethods", "allow_methods"),
    ("AllowOrigins", "allow_origins"),
    ("ExposeHeaders", "expose_headers"),
    ("MaxAge", "max_age"),
)


class Urls:
    """The operations. A function has one URL here, for $LATEST: of a version or an alias it is refused."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def create(self, call: Call) -> Members:
        """CreateFunctionUrlConfig. A function of config.yaml may get one: the function itself does not change."""
        members, rooms = call.parameters, self._rooms
        with missed(lambda _: "Function does not exist"):
            name = self._name(members)
        if rooms.config.http.kind == "off":
            raise invalid("listen.http is off: nobody would reach the URL")
        async with rooms.turns.of(name):
            if self._trigger(name) is not None:
                raise conflict(
                    f"Failed to create function url config for [functionArn = {rooms.place.arn(name)}]. Error message:  "
                    "FunctionUrlConfig exists for this Lambda function"
                )
            now = rooms.clock.now()
            await self._put(name, members, {"CreationTime": now, "LastModifiedTime": now})
        return {key: value for key, value in self._document(name).items() if key != "LastModifiedTime"}

    async def update(self, call: Call) -> Members:
        """UpdateFunctionUrlConfig: what is named."""
        members, rooms = call.parameters, self._rooms
        with missed(lambda _: "Function does not exist"):
            name = self._name(members)
        async with rooms.turns.of(name):
            before = self._own(name)
            given = {key: value for key, value in members.items() if value is not None}
            about = {**before.about, "LastModifiedTime": rooms.clock.now()}
            await self._put(name, {**before.about.get("config", {}), **given}, about)
        return self._document(name)

    async def get(self, call: Call) -> Members:
        """GetFunctionUrlConfig."""
        with missed(lambda _: NOTHING):
            return self._document(self._name(call.parameters))

    async def list(self, call: Call) -> Members:
        """ListFunctionUrlConfigs."""
        name = self._name({"FunctionName": text(call.parameters, "FunctionName")})
        rows = [self._document(name)] if self._trigger(name) is not None else []
        return page(rows, call.parameters, key="FunctionUrlConfigs", limit=PAGE, order=lambda row: str(row["FunctionArn"]))

    async def delete(self, call: Call) -> Members:
        """DeleteFunctionUrlConfig."""
        with missed(lambda _: NOTHING):
            name = self._name(call.parameters)
        async with self._rooms.turns.of(name):
            await self._rooms.declared.remove(TRIGGERS, self._own(name).name)
        return {}

    async def _put(self, name: str, members: Mapping[str, Any], about: dict[str, Any]) -> None:
        cors = {key: members["Cors"][member] for member, key in _CORS if (members.get("Cors") or {}).get(member) not in (None, [])}
        mode = _MODES[text(members, "InvokeMode") or "BUFFERED"]
        value = {
            "auth": "iam" if text(members, "AuthType") == "AWS_IAM" else "none",
            "invoke_mode": mode,
            **({"cors": cors} if cors else {}),
        }
        kept = {key: members[key] for key in ("AuthType", "InvokeMode", "Cors") if members.get(key) is not None}
        await self._rooms.declared.put(TRIGGERS, _key(name), {"function": name, "trigger": {"url": value}}, {**about, "config": kept})

    def _name(self, members: Members) -> str:
        target = self._rooms.functions.target(text(members, "FunctionName"), text(members, "Qualifier"))
        name, _, qualifier = target.partition(":")
        if qualifier not in {"", LATEST}:
            raise invalid("A function has one URL here; for an alias or a version, config.yaml can say `url: {…, qualifier: NAME}`")
        return name

    def _trigger(self, name: str) -> UrlTrigger | None:
        return next((one for one in self._rooms.config.functions[name].triggers if isinstance(one, UrlTrigger)), None)

    def _invoked(self, name: str) -> tuple[str, str]:
        """The function's name and the qualifier that its URL invokes, "" for $LATEST."""
        function = self._rooms.config.functions[name]
        targets = (target for one, target in zip(function.triggers, function.targets(), strict=True) if isinstance(one, UrlTrigger))
        name, _, qualifier = next(targets, name).partition(":")
        return name, qualifier

    def _own(self, name: str) -> Fragment:
        """What the API declared. Raises AwsError, DeclaredInConfig."""
        found = self._rooms.declared.get(TRIGGERS, _key(name))
        if found is not None:
            return found
        if self._trigger(name) is not None:
            raise DeclaredInConfig("functions", f"{name}.triggers")
        raise missing()

    def _document(self, name: str) -> dict[str, Any]:
        """FunctionUrlConfig. Raises AwsError when there is none."""
        trigger = self._trigger(name)
        if trigger is None:
            raise missing()
        fragment = self._rooms.declared.get(TRIGGERS, _key(name))
        about: Mapping[str, Any] = fragment.about if fragment is not None else {}
        found: dict[str, Any] = {
            "FunctionUrl": self._url(name),
            "FunctionArn": self._rooms.place.arn(*self._invoked(name)),
            "AuthType": "AWS_IAM" if trigger.signed else "NONE",
            "CreationTime": iso_ms(float(about.get("CreationTime", 0))),
            "LastModifiedTime": iso_ms(float(about.get("LastModifiedTime", 0))),
            "InvokeMode": "RESPONSE_STREAM" if trigger.streaming else "BUFFERED",
        }
        if cors := about.get("config", {}).get("Cors") or _cors(trigger):
            found["Cors"] = cors
        return found

    def _url(self, name: str) -> str:
        """Where it answers: the http listener's port, at the function's own host name."""
        bound = [address for source in self._rooms.calls.sources_of(HttpSource) for address in source.addresses]
        port = bound[0].rpartition(":")[2] if bound else str(self._rooms.config.http.port)
        host = url_domain(name, self._rooms.place.region)
        return f"http://{host}:{port}/" if port.isdigit() and port != "0" else f"http://{host}/"


def _key(name: str) -> str:
    return f"url-{name}"


def _cors(trigger: UrlTrigger) -> dict[str, Any]:
    """What config.yaml says of CORS."""
    cors = trigger.cors
    if cors is None:
        return {}
    found = {member: getattr(cors, key, None) for member, key in _CORS}
    return {member: list(value) if isinstance(value, tuple) else value for member, value in found.items() if value}
