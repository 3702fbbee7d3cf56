"""Every kind of mistake, told with its place and in exactly these words."""

import pytest

from tests.unit.config.conftest import BASE, Place

COLON = "a colon that ends no key; put a value that holds one in quotes, or end the key in the line above with one"

# text → exactly these lines; a text that begins with a space continues the function of BASE
MISTAKES: list[tuple[str, str, list[str]]] = [
    ("no version", "region: us-east-1\n", ["config.yaml:1:1: version: is required: write version: 1"]),
    ("another version", "version: 2\n", ["config.yaml:1:10: version: only version 1 is known"]),
    ("unknown key", "version: 1\nfunctons: {}\n", ["config.yaml:2:1: functons: unknown key, did you mean functions?"]),
    ("unlike any key", "version: 1\nqqq: {}\n", ["config.yaml:2:1: qqq: unknown key"]),
    (
        "a list",
        "- version: 1\n",
        ["config.yaml:1:1: must be a mapping, this is a list", "config.yaml:1:1: version: is required: write version: 1"],
    ),
    (
        "text",
        "version 1\n",
        ["config.yaml:1:1: must be a mapping, this is text", "config.yaml:1:1: version: is required: write version: 1"],
    ),
    ("duplicate key", "version: 1\ndrain: 1\ndrain: 2\n", ["config.yaml:3:1: drain: duplicate key, first on line 2"]),
    (
        "duplicate in a list",
        "    triggers: [{knock: {door: a, door: b}}]\n",
        ["config.yaml:6:34: functions.f.triggers[0].knock.door: duplicate key, first on line 6"],
    ),
    (
        "a column twice",
        "version: 1\ntables:\n  one: {sqlite: x, key: [id, ID]}\n",
        ["config.yaml:3:25: tables.one.key: names a column twice"],
    ),
    (
        "no column",
        "version: 1\ntables:\n  one: {sqlite: x, key: [id, '']}\n",
        ["config.yaml:3:25: tables.one.key: a column's name is not empty"],
    ),
    ("nested duplicate", "version: 1\nlimits: {idle: 5, idle: 6}\n", ["config.yaml:2:19: limits.idle: duplicate key, first on line 2"]),
    ("region", "version: 1\nregion: Frankfurt\n", ["config.yaml:2:9: region: Frankfurt is not a region's name, as us-east-1"]),
    ("account", "version: 1\naccount: 12345\n", ["config.yaml:2:10: account: 12345 is not an account number of 12 digits"]),
    ("limits.memory", "version: 1\nlimits: {memory: 64MB}\n", ["config.yaml:2:18: limits.memory: 64 MB is outside 128 MB to 64 TB"]),
    ("concurrency", "version: 1\nlimits: {concurrency: 0}\n", ["config.yaml:2:23: limits.concurrency: 0 is outside 1 to 10000"]),
    ("drain", "version: 1\ndrain: 2h\n", ["config.yaml:2:8: drain: 2 h is outside 0 to 1 h"]),
    ("retention", "version: 1\nretention: {logs: 14}\n", ["config.yaml:2:19: retention.logs: 14 s is outside 1 h to 3650 d"]),
    (
        "listen.aws",
        "version: 1\nlisten: {aws: 127.0.0.1:8081}\n",
        ["config.yaml:2:15: listen.aws: 127.0.0.1:8081 is the console listener's address, by default; each needs its own"],
    ),
    (
        "an empty layer",
        "    layers: ''\n",
        ["config.yaml:6:13: functions.f.layers: an empty path; leave the key out for no layer"],
    ),
    (
        "no address",
        "version: 1\nlisten: {http: 8080}\n",
        ["config.yaml:2:16: listen.http: 8080 is no address to listen on; write off, 127.0.0.1:8080, [::1]:8080, unix:PATH or systemd"],
    ),
    (
        "IPv6 without quotes",
        "version: 1\nlisten:\n  http: [one]\n",
        ["config.yaml:3:9: listen.http: put the address in quotes; write off, 127.0.0.1:8080, [::1]:8080, unix:PATH or systemd"],
    ),
    (
        "open console",
        "version: 1\nlisten: {console: 0.0.0.0:8081}\n",
        [
            (
                "config.yaml:2:19: listen.console: 0.0.0.0:8081 can be reached from other machines, and the console's token would cross the network "
                "unencrypted; bind 127.0.0.1, [::1] or unix:PATH and put a TLS proxy or an SSH tunnel before it"
            )
        ],
    ),
    (
        "one address twice",
        "version: 1\nlisten: {http: 127.0.0.1:8081}\n",
        ["config.yaml:2:16: listen.http: 127.0.0.1:8081 is the console listener's address, by default; each needs its own"],
    ),
    (
        "bucket's name",
        "version: 1\nbuckets:\n  Uploads: ./x\n",
        [
            (
                "config.yaml:3:3: buckets.Uploads: a bucket's name is 3 to 63 lower-case letters, digits, hyphens and dots, "
                "and begins and ends with a letter or digit"
            )
        ],
    ),
    ("bucket without path", "version: 1\nbuckets:\n  uploads: {scan: 5}\n", ["config.yaml:3:12: buckets.uploads.path: is required"]),
    ("bucket without anything", "version: 1\nbuckets:\n  uploads:\n", ["config.yaml:3:11: buckets.uploads.path: is required"]),
    (
        "bucket in ~",
        "version: 1\nbuckets: {uploads: ~/in}\n",
        ["config.yaml:2:20: buckets.uploads.path: ~ stands for no directory here; write the path out, or ${env:HOME}/…"],
    ),
    (
        "after",
        "version: 1\nbuckets:\n  uploads: {path: x, after: remove}\n",
        ["config.yaml:3:29: buckets.uploads.after: remove is not one of keep, delete, {move: DIR}"],
    ),
    (
        "after move without a directory",
        "version: 1\nbuckets:\n  uploads: {path: x, after: move}\n",
        ["config.yaml:3:29: buckets.uploads.after: move is not one of keep, delete, {move: DIR}"],
    ),
    (
        "after move nowhere",
        "version: 1\nbuckets:\n  uploads: {path: x, after: {move: }}\n",
        ["config.yaml:3:36: buckets.uploads.after.move: no value given"],
    ),
    (
        "after move into itself",
        "version: 1\nbuckets:\n  uploads: {path: x, after: {move: x/done}}\n",
        ["config.yaml:3:36: buckets.uploads.after.move: lies inside bucket uploads itself: what is moved there would be an object again"],
    ),
    (
        "after move into the state directory",
        "version: 1\nbuckets:\n  uploads: {path: x, after: {move: ./state/done}}\n",
        ["config.yaml:3:36: buckets.uploads.after.move: lies inside the state directory, which is the daemon's own"],
    ),
    (
        "event version",
        "version: 1\nbuckets:\n  uploads: {path: x, event_version: 3.0}\n",
        ["config.yaml:3:37: buckets.uploads.event_version: 3.0 is not one of 2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6"],
    ),
    (
        "watcher",
        "version: 1\nbuckets:\n  uploads: {path: x, watcher: poll}\n",
        ["config.yaml:3:31: buckets.uploads.watcher: poll is not one of auto, inotify, watchdog, scan"],
    ),
    (
        "settle",
        "version: 1\nbuckets:\n  uploads: {path: x, settle: 2 s}\n",
        ["config.yaml:3:30: buckets.uploads.settle: 2 s is not a duration; write seconds as a bare number, or 500ms, 30s, 5m, 6h, 14d"],
    ),
    (
        "ignore",
        "version: 1\nbuckets:\n  uploads: {path: x, ignore: a/b}\n",
        ["config.yaml:3:30: buckets.uploads.ignore: each pattern is a glob for one file or directory name, as *.tmp; it holds no slash"],
    ),
    (
        "bucket in a bucket",
        "version: 1\nbuckets: {one: data, two: ./data/x/y}\n",
        ["config.yaml:2:27: buckets.two: lies inside the directory of bucket one; a file would be an object of both"],
    ),
    (
        "one directory twice",
        "version: 1\nbuckets: {one: data, two: {path: data/}}\n",
        ["config.yaml:2:34: buckets.two.path: bucket one has the same directory"],
    ),
    (
        "state in a bucket",
        "version: 1\nstate: data/state\nbuckets: {one: data}\n",
        ["config.yaml:2:8: state: lies inside bucket one; journal and logs would be objects"],
    ),
    (
        "bucket in the state",
        "version: 1\nbuckets: {one: state/one}\n",
        ["config.yaml:2:16: buckets.one: lies inside the state directory, which is the daemon's own"],
    ),
    (
        "one variable for two buckets",
        "version: 1\nbuckets: {a-b: x, a.b: y}\n",
        ['config.yaml:2:19: buckets."a.b": functions would find it and bucket a-b under one name, BUCKET_A_B'],
    ),
    (
        "table",
        "version: 1\ntables:\n  or: {sqlite: x, veiw: y}\n",
        [
            "config.yaml:3:3: tables.or: a table's name is 3 to 255 letters, digits, underscores, hyphens and dots",
            "config.yaml:3:19: tables.or.veiw: unknown key, did you mean view?",
        ],
    ),
    (
        "function's name",
        "version: 1\nfunctions:\n  a b: {code: code, handler: app.f}\n",
        ["config.yaml:3:3: functions.a b: a function's name is 1 to 64 letters, digits, hyphens and underscores"],
    ),
    (
        "function without anything",
        "version: 1\nfunctions: {g: }\n",
        [
            "config.yaml:2:16: functions.g.code: is required",
            "config.yaml:2:16: functions.g.handler: is required",
        ],
    ),
    (
        "a required key misspelt",
        "version: 1\nfunctions:\n  f: {code: code, handlr: app.handler}\n",
        ["config.yaml:3:19: functions.f.handlr: unknown key, did you mean handler?"],
    ),
    ("version misspelt", "verson: 1\n", ["config.yaml:1:1: verson: unknown key, did you mean version?"]),
    (
        "runtime command's misspelt",
        "version: 1\nfunctions:\n  f: {code: code, runtime: command, comand: [./x]}\n",
        ["config.yaml:3:37: functions.f.comand: unknown key, did you mean command?"],
    ),
    (
        "one key misspelt, another missing",
        "version: 1\nfunctions:\n  f: {code: code, memry: 256}\n",
        [
            "config.yaml:3:6: functions.f.handler: is required",
            "config.yaml:3:19: functions.f.memry: unknown key, did you mean memory?",
        ],
    ),
    (
        "misspelt beside the right one",
        "version: 1\nfunctions:\n  f: {code: code, code_: code, timeout: 0, handlr: app.f, handler: 'a b'}\n",
        [
            "config.yaml:3:19: functions.f.code_: unknown key, did you mean code?",
            "config.yaml:3:41: functions.f.timeout: 0 s is outside 1 to 900 s",
            "config.yaml:3:44: functions.f.handlr: unknown key, did you mean handler?",
            "config.yaml:3:68: functions.f.handler: a b is not a handler; write file.function",
        ],
    ),
    (
        "misspelt in a neighbour",
        "version: 1\nbuckets:\n  aaa: {pth: x}\n  bbb: {scan: 5}\n",
        ["config.yaml:3:9: buckets.aaa.pth: unknown key, did you mean path?", "config.yaml:4:8: buckets.bbb.path: is required"],
    ),
    ("function key", "    memry: 256\n", ["config.yaml:6:5: functions.f.memry: unknown key, did you mean memory?"]),
    (
        "isolation",
        "    isolation: strickt\n",
        ["config.yaml:6:16: functions.f.isolation: strickt is not one of auto, strict, none"],
    ),
    (
        "require",
        "    require: [no_netwrk]\n    ephemeral_storage: 100\n",
        [
            "config.yaml:6:14: functions.f.require: no_netwrk is no control; write some of no_network, memory_limit, private_tmp, pid_namespace, own_user",
            "config.yaml:7:24: functions.f.ephemeral_storage: 100 MB is outside 512 MB to 10 GB",
        ],
    ),
    (
        "require of what is not confined",
        "    isolation: none\n    require: [own_user]\n",
        ["config.yaml:7:14: functions.f.require: isolation: none has no controls to require; write isolation: auto"],
    ),
    *(
        (
            "users",
            f"version: 1\nusers: {text}\n",
            [
                "config.yaml:2:8: users: the user ids that functions run as, one each, nobody else's; write LOW-HIGH, as 200000-265535, from 1000 on"
            ],
        )
        for text in ("all", "10-20", "3000-2000", "1000-4294967295")
    ),
    (
        "fewer users than functions",
        "version: 1\nusers: 2000-2001\nfunctions:\n"
        + "".join(f"  {name}: {{code: code, handler: app.handler}}\n" for name in "abc")
        + "  d: {code: code, handler: app.handler, isolation: none}\n",
        ["config.yaml:2:8: users: 2 of them for 3 functions, and each needs one of its own; write a wider range"],
    ),
    (
        "internal extensions of a command",
        "    runtime: command\n    command: [true]\n    internal_extensions: true\n",
        [
            "config.yaml:5:14: functions.f.handler: not used by runtime command; what runs is command",
            "config.yaml:8:26: functions.f.internal_extensions: runtime command has no init in which an extension could register",
        ],
    ),
    ("timeout", "    timeout: 1200\n", ["config.yaml:6:14: functions.f.timeout: 1200 s is outside 1 to 900 s"]),
    ("timeout with a unit", "    timeout: 20m\n", ["config.yaml:6:14: functions.f.timeout: 1200 s is outside 1 to 900 s"]),
    ("timeout in quotes", '    timeout: "30"\n', ['config.yaml:6:14: functions.f.timeout: "30" in quotes is text; write 30 without them']),
    (
        "timeout in words",
        "    timeout: soon\n",
        ["config.yaml:6:14: functions.f.timeout: soon is not a duration; write seconds as a bare number, or 500ms, 30s, 5m, 6h, 14d"],
    ),
    ("timeout empty", "    timeout:\n", ["config.yaml:6:13: functions.f.timeout: no value given"]),
    (
        "timeout null",
        "    timeout: null\n",
        ["config.yaml:6:14: functions.f.timeout: no value given; if null is meant as text, put it in quotes"],
    ),
    (
        "timeout a list",
        "    timeout: [1]\n",
        [
            "config.yaml:6:14: functions.f.timeout: must be a duration, this is a list; write seconds as a bare number, or 500ms, 30s, 5m, 6h, 14d"
        ],
    ),
    ("memory", "    memory: 64\n", ["config.yaml:6:13: functions.f.memory: 64 MB is outside 128 MB to 10 GB"]),
    (
        "memory unit",
        "    memory: 128KB\n",
        ["config.yaml:6:13: functions.f.memory: 128KB is not a size; write MB as a bare number, or 256MB, 1GB"],
    ),
    ("octal", "    maximum_retry_attempts: 010\n", ["config.yaml:6:29: functions.f.maximum_retry_attempts: 010 is not a whole number"]),
    ("attempts", "    maximum_retry_attempts: 3\n", ["config.yaml:6:29: functions.f.maximum_retry_attempts: 3 is outside 0 to 2"]),
    ("age", "    maximum_event_age: 30\n", ["config.yaml:6:24: functions.f.maximum_event_age: 30 s is outside 60 s to 6 h"]),
    (
        "runtime of later",
        "    runtime: ruby3.3\n",
        [
            "config.yaml:6:14: functions.f.runtime: ruby3.3: not supported yet; write python, python3.N, nodejs, nodejsN.x, provided, provided.al2, provided.al2023 or command"
        ],
    ),
    (
        "no runtime",
        "    runtime: pyhton\n",
        [
            "config.yaml:6:14: functions.f.runtime: pyhton is no runtime; write python, python3.N, nodejs, nodejsN.x, provided, provided.al2, provided.al2023 or command"
        ],
    ),
    (
        "reserved variable",
        "    environment: {AWS_REGION: x}\n",
        ["config.yaml:6:19: functions.f.environment.AWS_REGION: reserved: Lambda sets this variable itself"],
    ),
    (
        "reserved prefix",
        "    environment: {AWS_LAMBDA_X: x}\n",
        ["config.yaml:6:19: functions.f.environment.AWS_LAMBDA_X: reserved: Lambda sets this variable itself"],
    ),
    (
        "wrapper",
        "    environment: {AWS_LAMBDA_EXEC_WRAPPER: x}\n",
        ["config.yaml:6:19: functions.f.environment.AWS_LAMBDA_EXEC_WRAPPER: wrapper scripts are not supported yet"],
    ),
    (
        "variable's name",
        "    environment: {1A: x}\n",
        ["config.yaml:6:19: functions.f.environment.1A: a variable's name begins with a letter and is letters, digits and underscores"],
    ),
    ("variable without value", "    environment: {A: }\n", ["config.yaml:6:22: functions.f.environment.A: no value given"]),
    ("variable a list", "    environment: {A: [x]}\n", ["config.yaml:6:22: functions.f.environment.A: must be text, this is a list"]),
    (
        "trigger's shape",
        "    triggers: [knock]\n",
        ["config.yaml:6:16: functions.f.triggers[0]: a trigger is one word and its value, as schedule: rate(5 minutes); words: knock, s3"],
    ),
    (
        "two words",
        "    triggers:\n      - {knock: a, s3: b}\n",
        ["config.yaml:7:9: functions.f.triggers[0]: a trigger is one word and its value, as schedule: rate(5 minutes); words: knock, s3"],
    ),
    (
        "another unknown trigger",
        "    triggers: [kafka: a]\n",
        ["config.yaml:6:16: functions.f.triggers[0].kafka: unknown trigger; words: knock, s3"],
    ),
    ("timeout below zero", "    timeout: -3\n", ["config.yaml:6:14: functions.f.timeout: -3 s is outside 1 to 900 s"]),
    ("memory below zero", "    memory: -1GB\n", ["config.yaml:6:13: functions.f.memory: -1 GB is outside 128 MB to 10 GB"]),
    (
        "what follows from no mapping",
        "version: 1\nfunctions: {f: 5, g: [a]}\n",
        [
            "config.yaml:2:16: functions.f: must be a mapping, this is text",
            "config.yaml:2:22: functions.g: must be a mapping, this is a list",
        ],
    ),
    (
        "what follows from no text",
        "    role: [a]\n    on_failure: {queue: [a]}\n    triggers: [{knock: [a]}, {knock: }]\n",
        [
            "config.yaml:6:11: functions.f.role: must be text, this is a list",
            "config.yaml:7:25: functions.f.on_failure.queue: must be text, this is a list",
            "config.yaml:8:24: functions.f.triggers[0].knock: must be a mapping, this is a list",
            "config.yaml:8:38: functions.f.triggers[1].knock.door: is required",
        ],
    ),
    (
        "what follows from a reference",
        "    role: ${env:NO}\n",
        ["config.yaml:6:11: functions.f.role: ${env:NO}: environment variable NO is not set"],
    ),
    (
        "a destination's word misspelt",
        "    on_failure: {fnction: f}\n    on_success: f\n    dead_letter: {topic: f}\n",
        [
            "config.yaml:6:18: functions.f.on_failure.fnction: unknown key, did you mean function?",
            "config.yaml:7:17: functions.f.on_success: is one word and a name, as {queue: done}; words: queue, function, bus, bucket, topic",
            "config.yaml:8:18: functions.f.dead_letter: is one word and a name, as {queue: done}; words: queue",
            "config.yaml:8:19: functions.f.dead_letter.topic: unknown key",
        ],
    ),
    (
        "a destination in a block",
        "    on_failure:\n      topik: f\n      foo: f\n    on_success:\n      foo: f\n",
        [
            "config.yaml:7:7: functions.f.on_failure.topik: unknown key, did you mean topic?",
            "config.yaml:8:7: functions.f.on_failure.foo: unknown key",
            "config.yaml:10:7: functions.f.on_success: is one word and a name, as {queue: done}; words: queue, function, bus, bucket, topic",
            "config.yaml:10:7: functions.f.on_success.foo: unknown key",
        ],
    ),
    (
        "more reserved than there is",
        (
            "version: 1\nlimits: {concurrency: 5}\nfunctions:\n  f: {code: code, handler: app.handler, reserved_concurrency: 9}\n"
            "  g: {code: code, handler: app.handler, provisioned_concurrency: 1}\n"
        ),
        [
            (
                "config.yaml:4:63: functions.f.reserved_concurrency: all reservations up to here come to 9 of 5 (limits.concurrency), "
                "and functions without a reservation need at least 1"
            ),
            "config.yaml:5:66: functions.g.provisioned_concurrency: all provisioned concurrency up to here comes to 1 of 0 that are not reserved",
        ],
    ),
    (
        "state in a directory of two buckets",
        "version: 1\nstate: ./b/state\nbuckets: {aaa: ./b, bbb: ./b}\n",
        [
            "config.yaml:2:8: state: lies inside bucket aaa; journal and logs would be objects",
            "config.yaml:3:26: buckets.bbb: bucket aaa has the same directory",
        ],
    ),
    ("triggers no list", "    triggers: {knock: a}\n", ["config.yaml:6:15: functions.f.triggers: must be a list, this is a mapping"]),
    (
        "unknown trigger",
        "    triggers: [knok: a]\n",
        ["config.yaml:6:16: functions.f.triggers[0].knok: unknown trigger, did you mean knock?"],
    ),
    (
        "trigger's field",
        "    triggers: [knock: {dor: a}]\n",
        ["config.yaml:6:24: functions.f.triggers[0].knock.dor: unknown key, did you mean door?"],
    ),
    (
        "a disabled trigger is checked",
        "    triggers: [knock: {door: A, enabled: false}]\n",
        ["config.yaml:6:30: functions.f.triggers[0].knock.door: A is not a door's name"],
    ),
    (
        "enabled",
        "    triggers: [knock: {door: a, enabled: no}]\n",
        ["config.yaml:6:42: functions.f.triggers[0].knock.enabled: no is not true or false"],
    ),
    (
        "one claim twice",
        "    triggers:\n      - knock: a\n      - knock: {door: a}\n",
        ["config.yaml:8:16: functions.f.triggers[1].knock: door a is taken already by functions.f.triggers[0].knock (config.yaml:7:16)"],
    ),
    ("unknown bucket", "    triggers: [s3: up]\n", ["config.yaml:6:20: functions.f.triggers[0].s3.bucket: up is not one of "]),
    (
        "too much reserved",
        "    reserved_concurrency: 101\n",
        ["config.yaml:6:27: functions.f.reserved_concurrency: all reservations up to here come to 101 of 100 (limits.concurrency)"],
    ),
    (
        "nothing left",
        "    reserved_concurrency: 100\n  g: {code: code, handler: app.f}\n",
        [
            "config.yaml:6:27: functions.f.reserved_concurrency: all reservations up to here come to 100 of 100 (limits.concurrency), and functions without a reservation need at least 1"
        ],
    ),
    (
        "more provisioned than reserved",
        "    reserved_concurrency: 2\n    provisioned_concurrency: 3\n",
        ["config.yaml:7:30: functions.f.provisioned_concurrency: 3 is more than the 2 of reserved_concurrency"],
    ),
    (
        "too much provisioned",
        "    provisioned_concurrency: 100\n  g: {code: code, handler: app.f}\n",
        [
            "config.yaml:6:30: functions.f.provisioned_concurrency: all provisioned concurrency up to here comes to 100 of 100 that are not reserved, and functions without any need at least 1"
        ],
    ),
    (
        "a command provisioned",
        "    provisioned_concurrency: 1\n    runtime: command\n    command: [sh]\n",
        [
            "config.yaml:5:14: functions.f.handler: not used by runtime command; what runs is command",
            "config.yaml:6:30: functions.f.provisioned_concurrency: runtime command starts a process for each invocation: there is nothing to initialise before",
        ],
    ),
    (
        "two ways to start early",
        "    snap_start: true\n    provisioned_concurrency: 1\n",
        ["config.yaml:6:17: functions.f.snap_start: not together with provisioned_concurrency, as on AWS"],
    ),
    (
        "alias",
        "    environment: {A: &x b, B: *x}\n",
        [
            "config.yaml:6:22: anchor &x: anchors are not supported",
            "config.yaml:6:31: alias *x: aliases are not supported; write the value out",
        ],
    ),
    ("merge key", "    <<: {timeout: 5}\n", ["config.yaml:6:5: merge keys (<<) are not supported; write the values out"]),
    (
        "tag",
        "    timeout: !!int 5\n",
        [
            "config.yaml:6:14: tag tag:yaml.org,2002:int: tags are not supported",
            'config.yaml:6:14: functions.f.timeout: "5" in quotes is text; write 5 without them',
        ],
    ),
    ("key no text", "    ? [a]\n    : b\n", ["config.yaml:6:7: a key must be text"]),
    ("second document", "---\nversion: 1\n", ["config.yaml:6:1: a second document; config.yaml is one document"]),
    ("tab", "\ttimeout: 5\n", ["config.yaml:6:1: a tab cannot indent YAML; use spaces"]),
    ("odd beginning", "    timeout: @5\n", ["config.yaml:6:14: a value cannot begin with @; put it in quotes"]),
    (
        "syntax",
        "    timeout: [5\n",
        ["config.yaml:7:1: not YAML: while parsing a flow sequence (it begins on line 6, column 14), did not find expected ',' or ']'"],
    ),
    ("no colon", "version: 1\nregion us-east-1\n", ["config.yaml:2:1: not YAML: a key without a colon and a value"]),
    ("no colon above", "version: 1\nlimits\n  idle: 5\n", ["config.yaml:2:1: not YAML: a key without a colon and a value"]),
    ("two colons", "version: 1\nregion: us: east\n", [f"config.yaml:2:11: not YAML: {COLON}"]),
    ("an open quote", "version: 1\nregion: 'us\n", ["config.yaml:2:9: not YAML: this quote is not closed"]),
    (
        "indented otherwise",
        "version: 1\nlimits:\n  idle: 5\n   memory: 1GB\n",
        [f"config.yaml:4:10: not YAML: {COLON}"],
    ),
    (
        "an outdented key",
        "version: 1\nlimits:\n   idle: 5\n  memory: 1GB\n",
        ["config.yaml:4:3: not YAML: while parsing a block mapping (it begins on line 1, column 1), did not find expected key"],
    ),
    ("control character", "    timeout: 5\x07\n", ["config.yaml:6:15: control character U+0007; config.yaml is plain text"]),
    ("NUL", "    timeout: \0\n", ["config.yaml:6:14: control character U+0000; config.yaml is plain text"]),
    (
        "NUL in disguise",
        '    environment: {A: "x\\0y"}\n',
        ["config.yaml:6:22: functions.f.environment.A: holds a NUL character or half a surrogate pair, which no text may"],
    ),
]


@pytest.mark.parametrize(("text", "lines"), [mistake[1:] for mistake in MISTAKES], ids=[mistake[0] for mistake in MISTAKES])
def test_a_mistake_is_told_with_its_place(place: Place, text: str, lines: list[str]) -> None:
    assert place.mistakes(text if text.startswith(("vers", "region", "-")) and text[:3] != "---" else BASE + text) == lines
