"""How each behaviour of tests/conformance/runtime/ is written in each language, and how the language's runtime tells of it."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from router.runtime.node_programs import installed

PYTHON = '''
import ctypes, datetime, json, logging, os, signal, socket, subprocess, sys, threading, time
print("module level")
count = 0

def echo(event, context): return event
def say(event, context):
    print("one"); sys.stderr.write("two\\n"); logging.getLogger().error("three\\nlines"); print("four", end="")
def fail(event, context): raise ValueError("it broke")
def nameless(event, context): raise type("", (Exception,), {})("it broke")
def slow(event, context): time.sleep(event)
def held(event, context):
    open(event, "w").close()
    time.sleep(8)
def counted(event, context):
    global count
    count += 1
    return [count, os.getpid()]
def sized(event, context): return "x" * (event - 2)
def leave(event, context): sys.exit(event)
def interrupt(event, context): raise KeyboardInterrupt
def vanish(event, context): os._exit(event)
def signalled(event, context): os.kill(os.getpid(), event); time.sleep(9)
def unserialisable(event, context): return datetime.datetime(2024, 1, 1)
def described(event, context):
    return {name: getattr(context, name) for name in ("aws_request_id", "log_group_name", "log_stream_name", "function_name",
            "memory_limit_in_mb", "function_version", "invoked_function_arn", "tenant_id")} | {
            "remaining": context.get_remaining_time_in_millis(), "repr": repr(context), "identity": context.identity.cognito_identity_id,
            "custom": context.client_context and context.client_context.custom,
            "title": context.client_context and context.client_context.client.app_title}
def environment(event, context): return dict(os.environ)
def descriptors(event, context):
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try: found[number] = os.readlink("/proc/self/fd/" + number)
        except OSError: pass
    return found
def isolated(event, context):
    import resource
    status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
    return {"sid": os.getsid(0) == os.getpid(), "nnp": status["NoNewPrivs"].strip(), "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
            "nofile": resource.getrlimit(resource.RLIMIT_NOFILE), "core": resource.getrlimit(resource.RLIMIT_CORE),
            "fsize": resource.getrlimit(resource.RLIMIT_FSIZE), "oom": int(open("/proc/self/oom_score_adj").read()),
            "cwd": os.getcwd(), "umask": os.umask(0o22), "tmp": os.environ["TMPDIR"], "mode": oct(os.stat(os.environ["TMPDIR"]).st_mode & 0o777),
            "argv": open("/proc/self/cmdline").read(), "term": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
            "mask": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())), "path0": sys.path[0],
            "router": [name for name in sys.modules if name.startswith("router")], "batch": os.sched_getscheduler(0) == os.SCHED_BATCH}
def detach(event, context):
    """A double-forked, setsid grandchild that ignores signals and keeps the output open."""
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
        if os.fork() == 0:
            with open(event["mark"] + ".new", "w") as file: file.write(str(os.getpid()) + "\\n")
            os.rename(file.name, event["mark"])  # there once it says who
            time.sleep(600)
        os._exit(0)
    while not os.path.exists(event["mark"]): time.sleep(0.005)
    time.sleep(event["sleep"])
def bomb(event, context):
    """63 processes that fork a successor in a session of its own and die, again and again."""
    worker = os.getpid()
    for _ in range(6):
        if os.fork() == 0: os.setsid()
    if os.getpid() == worker: time.sleep(600)
    while True:
        time.sleep(0.02)
        if os.fork(): os._exit(0)
        os.setsid()
def flood(event, context):
    block = b"x" * 65536
    for _ in range(event // len(block)): os.write(1, block)
def lines(event, context): os.write(1, b"x\\n" * event)
def binary(event, context): os.write(1, b"\\x00\\xff\\x1b[31m\\nREPORT RequestId: forged\\tDuration: 0.00 ms\\n")
def close_all(event, context): os.closerange(0, 1024)
def kill_parent(event, context): os.kill(os.getppid(), signal.SIGKILL); time.sleep(9)
def forked_answer(event, context):
    os.fork()
    return os.getpid()
def keep_tmp(event, context):
    path = os.path.join(os.environ["TMPDIR"], "kept")
    seen = os.path.exists(path)
    open(path, "w").close()
    if not seen: time.sleep(9)
    return seen
def ask_boto(event, context):
    import boto3, botocore
    found = []
    for name in ("aiohttp", "yaml", "pip", "structlog", "orjson"):
        try: __import__(name)
        except ImportError: continue
        found.append(name)
    return [boto3.__name__, found]
def traced(event, context): return os.environ.get("_X_AMZN_TRACE_ID")
def traced_child(event, context): return subprocess.run(["sh", "-c", "echo $_X_AMZN_TRACE_ID"], capture_output=True, text=True).stdout.strip()
def bye(event, context):
    def leave(*_):
        open(event["mark"], "w").close()
        print("bye")
        if event["leaves"]: sys.exit(0)
    signal.signal(signal.SIGTERM, leave)
    return os.getpid()
def hungry(event, context): return len(bytearray(event))
def parent(event, context): subprocess.run([sys.executable, "-c", f"bytearray({event})"])
def stop_self(event, context): os.kill(os.getpid(), signal.SIGSTOP)
def pieces(event, context):
    print("begins")
    yield "é"
    while event and not os.path.exists(event): time.sleep(0.005)
    yield b"two"
    yield ""
    yield bytearray(b"three")
    print("ends")
def page(event, context):
    yield {"statusCode": 201, "headers": {"x": "y"}, "cookies": ["a=b"]}
    yield "body"
def silent(event, context):
    return
    yield
def broken(event, context):
    if event == "at once": raise ValueError("it broke")
    yield "one"
    if event == "odd": yield 7
    if event == "leave": sys.exit(3)
    if event == "hang":
        if os.fork() == 0: time.sleep(600)
        time.sleep(600)
    raise ValueError("it broke")
def blocks(event, context):
    for number in range(event["count"]):
        with open(event["mark"], "w") as file: file.write(str(number + 1))
        yield b"x" * event["size"]
    with open(event["mark"], "w") as file: file.write("done")
def deaf(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: pass
'''

NODE = r"""
const { execPath, pid, env } = process
const fs = require('node:fs')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))
process.stdout.write('module level\n')
let count = 0

exports.echo = async (event) => event
exports.say = async () => {
  process.stdout.write('one\n'); process.stderr.write('two\n'); console.error('three\nlines'); process.stdout.write('four')
}
exports.fail = async () => { throw new TypeError('it broke') }
exports.nameless = async () => { const error = new Error('it broke'); error.name = ''; throw error }
exports.slow = async (event) => { await sleep(event) }
exports.held = async (event) => { fs.writeFileSync(event, ''); await sleep(8) }
exports.counted = async () => [++count, pid]
exports.sized = async (event) => 'x'.repeat(event - 2)
exports.leave = async (event) => process.exit(event === 'text' ? 1 : event)
exports.vanish = async (event) => process.reallyExit(event)
exports.signalled = async (event) => { process.kill(pid, event); await sleep(9) }
exports.unserialisable = async () => 10n
exports.traced_below = async () => [env._X_AMZN_TRACE_ID, process.report.getReport().environmentVariables._X_AMZN_TRACE_ID ?? null]
exports.traced_child = async () => String(require('node:child_process').execFileSync('sh', ['-c', 'echo $_X_AMZN_TRACE_ID'])).trim()
exports.environment = async () => env
exports.descriptors = async () => Object.fromEntries(fs.readdirSync('/proc/self/fd').flatMap((number) => {
  try { return [[number, fs.readlinkSync('/proc/self/fd/' + number)]] } catch { return [] }
}))
exports.described = async (event, context) => ({ ...context, remaining: context.getRemainingTimeInMillis(), keys: Object.keys(context).sort() })
const limit = (name) => new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(fs.readFileSync('/proc/self/limits', 'utf8')).slice(1).map(Number)
exports.isolated = async () => {
  const status = Object.fromEntries(fs.readFileSync('/proc/self/status', 'utf8').trim().split('\n').map((line) => line.split(/:\s*/)))
  const stat = fs.readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ')
  return {
    sid: Number(stat[3]) === pid, nnp: status.NoNewPrivs, nofile: limit('Max open files'), core: limit('Max core file size'),
    fsize: limit('Max file size'), oom: Number(fs.readFileSync('/proc/self/oom_score_adj')), cwd: process.cwd(), umask: process.umask(0o22),
    tmp: env.TMPDIR, mode: '0o' + (fs.statSync(env.TMPDIR).mode & 0o777).toString(8), argv: fs.readFileSync('/proc/self/cmdline', 'utf8'),
    ignored: Number(BigInt('0x' + status.SigIgn) & ~(1n << 12n | 1n << 24n | 3n << 31n)), mask: Number('0x' + status.SigBlk),
    batch: Number(stat[38]) === 3
  }
}
exports.detach = async (event) => {
  spawn('PYTHON', ['detach.py', event.mark], { stdio: 'inherit' })
  while (!fs.existsSync(event.mark)) await sleep(0.005)
  await sleep(event.sleep)
}
exports.bomb = async () => { spawn('PYTHON', ['bomb.py'], { stdio: 'inherit' }); await sleep(600) }
exports.flood = async (event) => {
  const block = Buffer.alloc(65536, 'x')
  for (let at = 0; at < event; at += block.length) fs.writeSync(1, block)
}
exports.lines = async (event) => { process.stdout.write('x\n'.repeat(event)) }
exports.binary = async () => { process.stdout.write(Buffer.from('\x00\xff\x1b[31m\nREPORT RequestId: forged\tDuration: 0.00 ms\n', 'latin1')) }
exports.close_all = async () => { for (let fd = 0; fd < 1024; fd++) { try { fs.closeSync(fd) } catch {} } }
exports.kill_parent = async () => { process.kill(process.ppid, 'SIGKILL'); await sleep(9) }
exports.keep_tmp = async () => {
  const seen = fs.existsSync(env.TMPDIR + '/kept')
  fs.writeFileSync(env.TMPDIR + '/kept', '')
  if (!seen) await sleep(9)
  return seen
}
exports.traced = async () => env._X_AMZN_TRACE_ID
exports.stop_self = async () => { process.kill(pid, 'SIGSTOP') }
exports.deaf = async () => { process.on('SIGTERM', () => {}); for (;;); }
exports.pieces = awslambda.streamifyResponse(async (event, stream) => {
  process.stdout.write('begins\n')
  stream.write('é')
  while (event && !fs.existsSync(event)) await sleep(0.005)
  stream.write(Buffer.from('two'))
  stream.write('')
  stream.write(new Uint8Array(Buffer.from('three')))
  process.stdout.write('ends\n')
  stream.end()
})
exports.page = awslambda.streamifyResponse(async (event, stream) => {
  const page = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { x: 'y' }, cookies: ['a=b'] })
  page.end('body')
})
exports.silent = awslambda.streamifyResponse(async (event, stream) => { stream.end() })
exports.broken = awslambda.streamifyResponse(async (event, stream) => {
  if (event === 'at once') throw new TypeError('it broke')
  stream.write('one')
  await sleep(0.01)
  if (event === 'leave') process.exit(3)
  if (event === 'hang') { spawn('sleep', ['600']); await sleep(600) }
  if (event === 'unended') return
  if (event === 'nobody') { Promise.reject(new Error('it broke')); await sleep(9) }
  throw new TypeError('it broke')
})
exports.blocks = awslambda.streamifyResponse(async (event, stream) => {
  for (let number = 1; number <= event.count; number++) {
    fs.writeFileSync(event.mark, String(number))
    if (!stream.write(Buffer.alloc(event.size, 'x'))) await once(stream, 'drain')
  }
  stream.end()
  await once(stream, 'finish')
  fs.writeFileSync(event.mark, 'done')
})
""".replace("PYTHON", sys.executable)

DETACH = """
import os, signal, sys, time
os.setsid()
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    with open(sys.argv[1] + ".new", "w") as file: file.write(str(os.getpid()) + "\\n")
    os.rename(file.name, sys.argv[1])  # there once it says who
    time.sleep(600)
"""

BOMB = """
import os, time
with open("/proc/self/comm", "w") as file: file.write("fn:bomb")
os.setsid()
for _ in range(6):
    if os.fork() == 0: os.setsid()
while True:
    time.sleep(0.02)
    if os.fork(): os._exit(0)
    os.setsid()
"""

VARIABLES = frozenset(
    """AWS_DEFAULT_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION
    AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_REGION AWS_XRAY_CONTEXT_MISSING
    BUCKET_UPLOADS EXTRA LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT LANG LD_LIBRARY_PATH MINE PATH PWD SHLVL TMPDIR TZ
    _HANDLER""".split()  # noqa: SIM905  # names read best so
)
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@dataclass(frozen=True)
class Sample:
    """A runtime's name, its files, and what its language has its own way of saying."""

    runtime: str
    files: dict[str, str]
    short: float  # seconds in which a worker starts; a timeout that tests run into
    paths: tuple[str, ...]  # handlers that give "found"
    error: tuple[str, ...]  # members of an error object, in order
    trace: str  # the one with the stack trace
    frame: str  # pattern of the first frame of fail()
    failed: str  # type of fail()'s error
    raised: str  # of the one that module `raises` throws
    marshal: tuple[str, str]  # type and message: a result that cannot be serialised
    unmarshal: tuple[str, str]  # type and pattern of the message: an event that is no JSON
    client: tuple[str, str]  # type and start of the message: a client context that is no JSON
    record: str  # pattern of a log record of two lines; ID stands for the request's
    logged: Callable[[str, str], str]  # type and message of an error → what its log record holds
    inits: tuple[tuple[str, str, str], ...]  # handler, type, message of errors while initialising; CODE: the code directory
    unasked: str  # type of error when a function streams and nobody asked for it
    breaks: tuple[tuple[str, str, str, bool], ...]  # how a stream breaks, type, part of the message, whether the process lives
    ahead: int  # bytes that a worker may be ahead of the daemon, which holds HIGH
    execution_env: str  # pattern
    variables: frozenset[str]
    marks: tuple[pytest.MarkDecorator, ...] = field(default=())
    command: tuple[str, ...] = ()  # of runtime command; the handler's name follows
    trees: Mapping[str, Path] = field(default_factory=dict)  # directories that are copied beside the files
    lacks: frozenset[str] = (
        frozenset()
    )  # what is not to be had: streams, init, warm (a process that stays), records (of several lines), unbegun (streams that fail before they begin)


PYTHON_SAMPLE = Sample(
    runtime="python",
    files={
        "app.py": PYTHON,
        "pkg/__init__.py": "",
        "pkg/mod.py": "def f(event, context): return 'found'\n",
        "raises.py": "print('importing')\nraise RuntimeError('at import')\n",
        "leaves.py": "import sys\nsys.exit(3)\n",
        "missing_import.py": "import no_such_module\n",
        "syntax.py": "def f(:\n",
        "slow_init.py": "import time, os\ntime.sleep(float(os.environ['INIT']))\ndef f(event, context): return 'late'\n",
        "own/resource.py": "def f(event, context): return 'my own resource'\n",
    },
    short=0.5,
    paths=("pkg/mod.f", "pkg.mod.f"),
    error=("errorMessage", "errorType", "requestId", "stackTrace"),
    trace="stackTrace",
    frame=r'  File ".*/app\.py", line \d+, in fail\n    def fail.*raise ValueError\("it broke"\)\n',
    failed="ValueError",
    raised="RuntimeError",
    marshal=("Runtime.MarshalError", "Unable to marshal response: Object of type datetime is not JSON serializable"),
    unmarshal=("Runtime.UnmarshalError", r"Unable to unmarshal input: Expecting value: line 1 column 1 \(char 0\)"),
    client=("Runtime.LambdaContextUnmarshalError", "Unable to parse Client Context JSON: "),
    record=rf"\[ERROR\]\t{STAMP}\tID\tthree\nlines",
    logged=lambda kind, message: f"[ERROR] {kind}: {message}\nTraceback (most recent call last):",
    inits=(
        ("raises.f", "RuntimeError", "at import"),
        ("missing_import.f", "Runtime.ImportModuleError", "Unable to import module 'missing_import': No module named 'no_such_module'"),
        ("nowhere.f", "Runtime.ImportModuleError", "Unable to import module 'nowhere': No module named 'nowhere'"),
        ("app.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'app'"),
        ("syntax.f", "Runtime.UserCodeSyntaxError", "Syntax error in module 'syntax': invalid syntax (syntax.py, line 1)"),
        ("time.sleep", "Runtime.BuiltInModuleConflict", "Cannot use built-in module time as a handler module"),
        ("nodot", "Runtime.MalformedHandlerName", "Bad handler 'nodot': not enough values to unpack (expected 2, got 1)"),
    ),
    unasked="Runtime.MarshalError",
    breaks=(
        ("raise", "ValueError", "it broke", True),
        ("odd", "Runtime.MarshalError", "a streamed piece is bytes or str, not int", True),
        ("leave", "Runtime.ExitError", "exit status 3", False),
        ("hang", "Sandbox.Timedout", "Task timed out after 0.50 seconds", False),
    ),
    ahead=4 * 65536,
    execution_env=r"AWS_Lambda_python3\.\d+",
    variables=VARIABLES | {"LC_CTYPE", "PYTHONPATH"},
)

_LATE = "setTimeout(resolve, 1000 * process.env.INIT)"
NODE_SAMPLE = Sample(
    runtime="nodejs",
    files={
        "app.js": NODE,
        "detach.py": DETACH,
        "bomb.py": BOMB,
        "pkg/mod.js": "exports.f = async () => 'found'\n",
        "pkg/deep.js": "exports.a = { b: { f: (event, context) => context.succeed('found') } }\n",
        "module.mjs": "await 0\nexport const f = async () => 'found'\n",
        "common.cjs": "exports.f = (event, context, callback) => callback(null, 'found')\n",
        "plain": "exports.f = () => Promise.resolve('found')\n",
        "typed/package.json": '{"type": "module"}',
        "typed/mod.js": "import { basename } from 'node:path'\nexport const f = async () => basename('x/found')\n",
        "typed/node_modules/old/mod.js": "exports.f = async () => 'found'\n",
        "node_modules/dep/index.js": "exports.f = async () => 'found'\n",
        "raises.js": "process.stdout.write('importing\\n')\nthrow new RangeError('at import')\n",
        "rejects.mjs": "await Promise.reject(new RangeError('at import'))\n",
        "later.js": "Promise.reject(new Error('unseen'))\nexports.f = async () => 1\n",
        "held.mjs": "Promise.reject(new Error('unseen'))\nawait new Promise((resolve) => setTimeout(resolve, 1000))\nexport const f = async () => 1\n",
        "leaves.js": "process.exit(3)\n",
        "missing_import.js": "require('no_such_module')\n",
        "missing_import_too.mjs": "import 'no_such_module'\n",
        "syntax.js": "exports.f = (\n",
        "slow_init.mjs": f"await new Promise((resolve) => {_LATE})\nexport const f = async () => 'late'\n",
    },
    short=2.0,
    paths=(
        "pkg/mod.f",
        "pkg/deep.a.b.f",
        "module.f",
        "common.f",
        "plain.f",
        "typed/mod.f",
        "typed/node_modules/old/mod.f",
        "dep.f",
    ),
    error=("errorType", "errorMessage", "trace"),
    trace="trace",
    frame=r"TypeError: it broke",
    failed="TypeError",
    raised="RangeError",
    marshal=("Error", "Unable to stringify response body"),
    unmarshal=("SyntaxError", r".*NaN.*|Unexpected token N.*"),
    client=("Error", "Cannot parse ClientContext as json: SyntaxError: "),
    record=rf"{STAMP}\tID\tERROR\tthree\nlines",
    logged=lambda kind, message: f' \t{{"errorType":{json.dumps(kind)},"errorMessage":{json.dumps(message)}',
    inits=(
        ("raises.f", "RangeError", "at import"),
        ("rejects.f", "RangeError", "at import"),
        ("later.f", "Runtime.UnhandledPromiseRejection", "Error: unseen"),
        ("held.f", "Runtime.UnhandledPromiseRejection", "Error: unseen"),
        (
            "missing_import.f",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'no_such_module'\nRequire stack:\n- CODE/missing_import.js",
        ),
        ("missing_import_too.f", "Error", "Cannot find package 'no_such_module' imported from CODE/missing_import_too.mjs"),
        ("nowhere.f", "Runtime.ImportModuleError", "Error: Cannot find module 'nowhere'\nRequire stack:"),
        ("app.nothing", "Runtime.HandlerNotFound", "app.nothing is undefined or not exported"),
        ("module.default", "Runtime.HandlerNotFound", "module.default is undefined or not exported"),
        ("syntax.f", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected end of input"),
        ("nodot", "Runtime.MalformedHandlerName", "Bad handler"),
        (
            "../app.f",
            "Runtime.MalformedHandlerName",
            "'../app.f' is not a valid handler name. Use absolute paths when specifying root directories in handler names.",
        ),
    ),
    unasked="",
    breaks=(
        ("raise", "TypeError", "it broke", True),
        ("unended", "Runtime.InvalidStreamingOperation", "Response stream is not finished.", True),
        ("nobody", "Runtime.UnhandledPromiseRejection", "Error: it broke", False),
        ("leave", "Runtime.ExitError", "exit status 3", False),
        ("hang", "Sandbox.Timedout", "Task timed out after 2.00 seconds", False),
    ),
    ahead=7 * 65536,
    execution_env=r"AWS_Lambda_nodejs\d+\.x",
    variables=VARIABLES | {"NODE_PATH"},
    marks=(
        pytest.mark.server,
        pytest.mark.skipif(not installed(), reason="node 18 or later: apt-get install nodejs"),
    ),
)

# What programs have in common that are written in Python: the same handlers, told apart by their process's name.
SHARED = """
import importlib, json, os, sys, traceback

def load(name):
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), function)

def strict(constant): raise ValueError(constant)
def event(text): return json.loads(text, parse_constant=strict)

def told(error):
    ours = ("bootstrap.py", "run.py", "shared.py")
    frames = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in traceback.extract_tb(error.__traceback__)
        if os.path.basename(frame.filename) not in ours]
    found = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": traceback.format_list(frames)}
    os.write(2, f"[ERROR] {found['errorType']}: {found['errorMessage']}\\n".encode())
    return json.dumps(found)
"""
NAMED = """
import os
with open("/proc/self/comm", "w") as file: file.write("fn:" + os.environ["AWS_LAMBDA_FUNCTION_NAME"])
"""
BOOTSTRAP = """
import http.client, json, os, socket, sys
from shared import event, load, told

HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
BASE = "/2018-06-01/runtime/"

connection = http.client.HTTPConnection(HOST, int(PORT))

def ask(method, path, body=None):
    connection.request(method, BASE + path, body)
    answer = connection.getresponse()
    return answer.read(), answer.headers

class Streamed:
    \"\"\"A response in chunks; its error in trailers.\"\"\"
    def __init__(self, id, kind):
        self.peer = connection.sock
        self.peer.sendall((f"POST {BASE}invocation/{id}/response HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n"
            f"Lambda-Runtime-Function-Response-Mode: streaming\\r\\n{kind}\\r\\n").encode())
    def send(self, piece):
        if isinstance(piece, str): piece = piece.encode()
        if not isinstance(piece, (bytes, bytearray)): raise TypeError("a piece is bytes or str, not " + type(piece).__name__)
        if piece: self.peer.sendall(b"%x\\r\\n%b\\r\\n" % (len(piece), piece))
    def end(self, error=""):
        import base64, json
        trailers = ""
        if error:
            body = base64.b64encode(error.encode()).decode()
            trailers = f"Lambda-Runtime-Function-Error-Type: {json.loads(error)['errorType']}\\r\\nLambda-Runtime-Function-Error-Body: {body}\\r\\n"
        self.peer.sendall(f"0\\r\\n{trailers}\\r\\n".encode())
        answer = http.client.HTTPResponse(self.peer)
        answer.begin()
        answer.read()

def stream(id, pieces):
    first, stream = next(pieces, b""), None
    if isinstance(first, dict):
        stream = Streamed(id, "Content-Type: application/vnd.awslambda.http-integration-response\\r\\n")
        first = json.dumps(first).encode() + bytes(8)
    stream = stream or Streamed(id, "")
    try:
        stream.send(first)
        for piece in pieces: stream.send(piece)
    except Exception as error:
        stream.end(told(error))
    else:
        stream.end()

def run(id, body, headers):
    if headers["Lambda-Runtime-Client-Context"]: event(headers["Lambda-Runtime-Client-Context"])
    os.environ.pop("_X_AMZN_TRACE_ID", None)
    if headers["Lambda-Runtime-Trace-Id"]: os.environ["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"]
    result = handler(event(body), None)
    if hasattr(result, "__next__"): stream(id, result)
    else: ask("POST", f"invocation/{id}/response", json.dumps(result))

try:
    handler = load(os.environ["_HANDLER"])
except Exception as error:
    ask("POST", "init/error", told(error))
    sys.exit(1)
while True:
    body, headers = ask("GET", "invocation/next")
    id = headers["Lambda-Runtime-Aws-Request-Id"]
    try:
        run(id, body, headers)
    except Exception as error:
        ask("POST", f"invocation/{id}/error", told(error))
"""
RUN = """
import json, os, sys
result = os.dup(1)
os.dup2(2, 1)  # what a handler prints is its log
from shared import event, load, told
try:
    if os.environ.get("AWS_LAMBDA_CLIENT_CONTEXT"): event(os.environ["AWS_LAMBDA_CLIENT_CONTEXT"])
    answer, status = json.dumps(load(sys.argv[1])(event(sys.stdin.read()), None)), 0
except Exception as error:
    answer, status = told(error), 1
rest = memoryview(answer.encode())
while rest: rest = rest[os.write(result, rest):]
sys.exit(status)
"""
_SH = f"#!/bin/sh\nPYTHONCOERCECLOCALE=0 exec {sys.executable} -u"
_LAMBDAS = PYTHON_SAMPLE.files | {"app.py": NAMED + PYTHON}

PROVIDED_SAMPLE = replace(
    PYTHON_SAMPLE,
    runtime="provided.al2023",
    files=_LAMBDAS | {"bootstrap": f"{_SH} bootstrap.py\n", "bootstrap.py": BOOTSTRAP, "shared.py": SHARED},
    short=1.0,
    error=("errorMessage", "errorType", "stackTrace"),
    marshal=("TypeError", "Object of type datetime is not JSON serializable"),
    unmarshal=("ValueError", "NaN"),
    client=("JSONDecodeError", "Expecting property name"),
    logged=lambda kind, message: f"[ERROR] {kind}: {message}",
    inits=(
        ("raises.f", "RuntimeError", "at import"),
        ("missing_import.f", "ModuleNotFoundError", "No module named 'no_such_module'"),
        ("app.nothing", "AttributeError", "module 'app' has no attribute 'nothing'"),
    ),
    unasked="",
    breaks=(
        ("raise", "ValueError", "it broke", True),
        ("odd", "TypeError", "a piece is bytes or str, not int", True),
        ("leave", "Runtime.ExitError", "exit status 3", False),
        ("hang", "Sandbox.Timedout", "Task timed out after 1.00 seconds", False),
    ),
    ahead=8 * 1024 * 1024,  # what the kernel holds for both ends of a loopback connection
    execution_env="",
    variables=(VARIABLES - {"AWS_EXECUTION_ENV"}) | {"AWS_LAMBDA_RUNTIME_API", "PYTHONCOERCECLOCALE"},
    lacks=frozenset({"records"}),
)
RIC_SAMPLE = replace(
    PYTHON_SAMPLE,
    runtime="provided",
    files=_LAMBDAS | {"bootstrap": f'{_SH} -m awslambdaric "$_HANDLER"\n'},
    short=1.5,
    logged=lambda kind, message: f"[ERROR] {kind}: {message}\rTraceback (most recent call last):",
    execution_env="",
    variables=(VARIABLES - {"AWS_EXECUTION_ENV"}) | {"AWS_LAMBDA_RUNTIME_API", "PYTHONCOERCECLOCALE"},
    lacks=frozenset({"records", "streams"}),
)
_CLIENT = Path(__file__).with_name("node_client") / "node_modules/aws-lambda-ric"
_NODE_RIC_APP = (
    NODE.replace("page.end('body')", "page.write('body'); page.end()").replace(  # it leaves the prelude out when end() has the whole body
        "fs.writeSync(1, block)", "if (!process.stdout.write(block)) await once(process.stdout, 'drain')"
    )  # its stdout does not block
)
NODE_RIC_SAMPLE = replace(
    NODE_SAMPLE,
    runtime="provided",
    trees={"client": _CLIENT},
    files=NODE_SAMPLE.files
    | {
        "app.js": _NODE_RIC_APP,
        "bootstrap": '#!/bin/sh\nexec node --title="fn:$AWS_LAMBDA_FUNCTION_NAME" client/bin/index.mjs "$_HANDLER"\n',
    },
    inits=tuple(
        (handler, kind, message + "\n- CODE/client/dist/index.mjs" if "Require stack" in message else message)
        for handler, kind, message in NODE_SAMPLE.inits
        if handler != "later.f"  # it tells of the rejection and asks for an invocation at the same time: either may come first
    ),
    breaks=(
        ("raise", "TypeError", "it broke", True),
        ("unended", "Sandbox.Timedout", "Task timed out after 2.00 seconds", False),
        ("leave", "Runtime.ExitError", "exit status 3", False),
        ("hang", "Sandbox.Timedout", "Task timed out after 2.00 seconds", False),
    ),
    ahead=8 * 1024 * 1024,  # what the kernel holds for both ends of a loopback connection
    execution_env="",
    variables=(VARIABLES - {"AWS_EXECUTION_ENV"}) | {"AWS_LAMBDA_RUNTIME_API"},
    marks=(
        pytest.mark.server,
        pytest.mark.skipif(
            not (installed() and (_CLIENT / "dist/rapid-client.node").exists()),
            reason="aws-lambda-ric: apt-get install nodejs npm, then tests/conformance/node_client/build",
        ),
    ),
    lacks=frozenset({"records", "unbegun"}),
)
COMMAND_SAMPLE = replace(
    PROVIDED_SAMPLE,
    runtime="command",
    command=("./run",),
    files=_LAMBDAS | {"run": f'{_SH} run.py "$1"\n', "run.py": RUN, "shared.py": SHARED},
    variables=(VARIABLES - {"AWS_EXECUTION_ENV"})
    | {"AWS_LAMBDA_REQUEST_ID", "AWS_LAMBDA_INVOKED_FUNCTION_ARN", "AWS_LAMBDA_DEADLINE_MS", "PYTHONCOERCECLOCALE"},
    lacks=frozenset({"records", "streams", "init", "warm"}),
)

SAMPLES = {
    "python": PYTHON_SAMPLE,
    "nodejs": NODE_SAMPLE,
    "provided": PROVIDED_SAMPLE,
    "awslambdaric": RIC_SAMPLE,
    "aws-lambda-ric": NODE_RIC_SAMPLE,
    "command": COMMAND_SAMPLE,
}


def each() -> list[object]:
    """The samples as parameters."""
    return [pytest.param(name, marks=sample.marks) for name, sample in SAMPLES.items()]


def only(*names: str) -> pytest.MarkDecorator:
    """A test of what these alone have."""
    return pytest.mark.parametrize("sample", [pytest.param(name, marks=SAMPLES[name].marks) for name in names], indirect=True)


def needs(*promises: str) -> pytest.MarkDecorator:
    """A test of promises that not every runtime makes; see Sample.lacks."""
    return only(*(name for name, sample in SAMPLES.items() if not sample.lacks.intersection(promises)))


def cases(of: Callable[[Sample], tuple[tuple[object, ...], ...]], *promises: str) -> list[object]:
    """Parameters that each language has its own of, behind the sample's name; for those that keep *promises*."""
    kept = {name: sample for name, sample in SAMPLES.items() if not sample.lacks.intersection(promises)}
    return [pytest.param(name, *case, marks=sample.marks) for name, sample in kept.items() for case in of(sample)]
