"""The triggers `http` and `url` as config.yaml spells them."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Self, cast

from router.config.node import Node
from router.config.types import Names
from router.events import media, rest_api, routes
from router.events.cors import Cors
from router.events.function_url import URL_PREFIX
from router.events.gateway import DEFAULT_STAGE
from router.events.http import FIELD_NAME, Headers
from router.sources.http_access import KEYS, OPEN, Access, read_access
from router.sources.http_failures import read_failures

ApiKind = Literal["http", "rest", "alb"]

TIMEOUT_LOW: Final = 0.05  # seconds; API Gateway quotas, "Integration timeout"
TIMEOUTS: Final = {
    "http": (30.0, 30.0),
    "rest": (29.0, 900.0),
}  # default and highest: seconds; REST's can be raised, up to a function's own
METHODS: Final = ("*", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

_KNOWN: Final = ("route", "api", "timeout", "invoke", "stage", "stage_variables", "base_path", "cors", "payload_format_version")
_OF_KIND: Final = {
    "binary_media_types": ("rest",),
    "gateway_responses": ("rest",),
    "multi_value": ("alb",),
    "payload_format_version": ("http",),
    "cors": ("http", "rest"),
} | dict.fromkeys(("timeout", "stage", "stage_variables", "base_path"), ("http", "rest"))
_WHY: Final = {
    ("cors", "alb"): "load balancers leave CORS to the function",
    ("timeout", "alb"): "a load balancer waits as long as the function's own timeout",
}
_NO_ROUTE: Final = routes.Route("")
_STAGE: Final = r"\$default|[A-Za-z0-9_-]{1,128}"
_BASE_PATH: Final = r"(/[A-Za-z0-9$_.+!*'()-]+)+"
_ORIGIN: Final = re.compile(r"\*|[a-z][a-z0-9+.-]*://(\*|[^\s/*]+)")
_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """`http: POST /images/{id}`, or `http: {route: …, api: rest, timeout: 10}`."""

    word: ClassVar[str] = "http"

    route: routes.Route
    timeout: float | None = TIMEOUTS["http"][0]  # seconds until the client is answered without the function; None: never
    api: ApiKind = "http"
    stage: str = DEFAULT_STAGE
    staged: bool = False  # the stage was named: URLs may carry it, as on AWS
    stage_variables: tuple[tuple[str, str], ...] = ()
    base_path: str = ""
    payload: Literal["2.0", "1.0"] = "2.0"
    binary: tuple[str, ...] = ()  # binaryMediaTypes, lower-case
    multi_value: bool = False
    asynchronous: bool = False
    cors: Cors | None = None
    access: Access = OPEN
    failures: tuple[Headers, Headers] = ((), ())  # headers of a REST API's own answers: 4xx, 5xx

    @property
    def matched(self) -> routes.Route:
        """The route as requests are compared with it."""
        return routes.trailing(self.route) if self.api == "http" else self.route

    @property
    def stage_in_urls(self) -> str:
        """The stage that URLs of this route may carry, as on AWS: one that is named, and not by its base path. "": none."""
        return self.stage if self.staged and self.stage != DEFAULT_STAGE else ""

    @classmethod
    def read(cls, node: Node, names: Names) -> Self:
        """Read the value under `http`; mistakes are noted on the node."""
        form = node.form(main="route", known=(*_KNOWN, *_OF_KIND, *KEYS))
        api = cast("ApiKind", form.choice("api", "http", ("http", "rest", "alb")))
        for key, kinds in _OF_KIND.items():
            if form.has(key) and api not in kinds:
                form.problem(_WHY.get((key, api), f"only for api: {' and '.join(kinds)}, this route is {api}"), key)
        asynchronous = form.choice("invoke", "sync", ("sync", "async")) == "async"
        base_path = (
            form.text("base_path", "", pattern=_BASE_PATH, what="a path like /v1, without a slash at its end")
            if form.has("base_path")
            else ""
        )
        return cls(
            _route(form, api, base_path),
            _timeout(form, api, asynchronous=asynchronous),
            api,
            stage=_stage(form, api),
            staged=form.has("stage") and not base_path,
            stage_variables=_stage_variables(form),
            base_path=base_path,
            payload=cast('Literal["2.0", "1.0"]', form.choice("payload_format_version", "2.0", ("2.0", "1.0"))),
            binary=_media_types(form),
            multi_value=form.boolean("multi_value", default=False),
            asynchronous=asynchronous,
            cors=_rest_cors(form) if api == "rest" else read_cors(form),
            access=read_access(form, api, names),
            failures=read_failures(form),
        )

    @property
    def claim(self) -> str:
        """The route with its variables unnamed: /x/{a} and /x/{b} are one route."""
        return f"route {routes.mounted(self.route, self.base_path).shape}" if self.route.key else ""


@dataclass(frozen=True, slots=True)
class UrlTrigger:
    """`url: {auth: iam, invoke_mode: buffered}`: the function's URL."""

    word: ClassVar[str] = "url"

    streaming: bool = False
    cors: Cors | None = None
    signed: bool = False  # auth: iam

    @classmethod
    def read(cls, node: Node, names: Names) -> Self:  # noqa: ARG003 - a URL refers to nothing by name
        """Read the value under `url`; mistakes are noted on the node."""
        form = node.form(main="auth", known=("auth", "invoke_mode", "cors"))
        signed = form.choice("auth", None, ("none", "iam")) == "iam"
        mode = form.choice("invoke_mode", "buffered", ("buffered", "response_stream"))
        return cls(mode == "response_stream", read_cors(form), signed)

    @property
    def claim(self) -> str:
        """Nothing: each function has a URL of its own."""
        return ""


def _route(form: Node, api: ApiKind, base_path: str) -> routes.Route:
    text = form.text("route")
    if not text:
        return _NO_ROUTE
    try:
        route = routes.parse(text)
    except routes.BadRoute as error:
        form.problem(str(error), "route")
        return _NO_ROUTE
    if not route.method and api == "rest":
        form.problem("REST APIs have no $default route: write ANY /{proxy+}", "route")
    if not route.method and base_path:
        form.problem(
            f"$default takes what no other route takes, below no base path: write ANY /{{proxy+}} with base_path: {base_path}", "route"
        )
    if routes.mounted(route, base_path).literals[:1] == (URL_PREFIX[1:],):
        form.problem(f"paths below {URL_PREFIX} belong to function URLs", "route")
    return route


def _stage(form: Node, api: ApiKind) -> str:
    default = rest_api.STAGE if api == "rest" else DEFAULT_STAGE
    stage = form.text("stage", default, pattern=_STAGE, what="a stage's name: letters, digits, - and _")
    if stage == DEFAULT_STAGE and api == "rest":
        form.problem("REST APIs have no $default stage: name one, as prod", "stage")
    if stage == URL_PREFIX[1:]:
        form.problem(f"paths below {URL_PREFIX} belong to function URLs", "stage")
    return stage


def _timeout(form: Node, api: ApiKind, *, asynchronous: bool) -> float | None:
    if api not in TIMEOUTS:
        return None
    if asynchronous and form.has("timeout"):
        form.problem("nothing to wait for: invoke: async answers as soon as the event is accepted", "timeout")
    default, high = TIMEOUTS[api]
    return form.seconds("timeout", default, low=TIMEOUT_LOW, high=high)


def _stage_variables(form: Node) -> tuple[tuple[str, str], ...]:
    child = form.child("stage_variables")
    return tuple((name, each.text("")) for name, each in child.items()) if child else ()


def _media_types(form: Node) -> tuple[str, ...]:
    types = form.strings("binary_media_types")
    if wrong := [one for one in types if not media.TYPE.fullmatch(one)]:
        form.problem(f"{wrong[0]!r:.60} is no media type; write them as image/png, image/* or */*", "binary_media_types")
    return tuple(one.lower() for one in types)


def read_cors(form: Node) -> Cors | None:
    """The value under `cors`, in AWS's words; mistakes are noted on it."""
    child = form.child("cors")
    if child is None:
        return None
    known = ("allow_origins", "allow_methods", "allow_headers", "expose_headers", "max_age", "allow_credentials")
    cors = child.form(known=known)
    origins = _origins(cors)
    methods = cors.strings("allow_methods")
    if wrong := [one for one in methods if one not in METHODS]:
        cors.problem(f"{wrong[0]!r:.40} is no method; one of {', '.join(METHODS)}", "allow_methods")
    credentials = cors.boolean("allow_credentials", default=False)
    if credentials and "*" in origins:
        cors.problem("browsers refuse credentials with every origin: name the origins", "allow_credentials")
    return Cors(
        allow_origins=origins,
        allow_methods=methods,
        allow_headers=_names(cors, "allow_headers"),
        expose_headers=_names(cors, "expose_headers"),
        max_age=int(cors.seconds("max_age", low=0, high=_DAY)) if cors.has("max_age") else None,
        allow_credentials=credentials,
    )


def _rest_cors(form: Node) -> Cors | None:
    """The same of a REST API's route, whose preflights have one fixed answer."""
    cors, child = read_cors(form), form.child("cors")
    if cors is None or child is None:
        return None
    if len(cors.allow_origins) > 1 or any(one.endswith("://*") for one in cors.allow_origins):
        child.problem('a REST API says the same to every origin: name one, or "*"', "allow_origins")
    if cors.expose_headers:
        child.problem("the answers of a REST API are the function's own: send access-control-expose-headers there", "expose_headers")
    return cors


def _origins(cors: Node) -> tuple[str, ...]:
    if not cors.has("allow_origins"):
        cors.problem('is required: origins as https://example.com, or "*"', "allow_origins")
        return ()
    origins = cors.strings("allow_origins")
    if not origins:
        cors.problem('names no origin, so nobody is allowed anything: write https://example.com or "*", or leave cors out', "allow_origins")
    if wrong := [one for one in origins if not _ORIGIN.fullmatch(one)]:
        cors.problem(f"{wrong[0]!r:.60} is no origin; write https://example.com, without a path, or *", "allow_origins")
    return origins


def _names(cors: Node, key: str) -> tuple[str, ...]:
    names = cors.strings(key)
    if wrong := [one for one in names if one != "*" and not FIELD_NAME.fullmatch(one)]:
        cors.problem(f"{wrong[0]!r:.40} is no header name", key)
    return names
