-- Statements of the SQLite journal: each under "-- name: WORD", loaded by queries.py.
--
-- Lists go in and rows come out as JSON, one statement for a whole batch: every step of a statement gives the interpreter
-- away and has to win it back, so with a busy event loop a batch of a hundred single statements takes a hundred turns.
--
-- events.due is the journal's own time (see SqliteJournal); created and finished are wall time.

-- name: schema_1
CREATE TABLE events (
    id INTEGER PRIMARY KEY,         -- grows: the order of the accepts, and of a shard
    request_id TEXT NOT NULL,
    function TEXT NOT NULL,
    source TEXT NOT NULL,
    shard TEXT NOT NULL,
    sequencer TEXT NOT NULL,
    dedup BLOB,                     -- NULL: alike no other
    size INTEGER NOT NULL,          -- bytes of the payload
    created REAL NOT NULL,
    due REAL,                       -- NULL: terminal, running, or behind another of its shard
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    throttles INTEGER NOT NULL,
    finished REAL,                  -- NULL: unfinished
    error TEXT NOT NULL
) STRICT;
CREATE TABLE payloads (             -- apart: an update of an event must not write its payload again
    id INTEGER PRIMARY KEY,
    payload BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE attempts (             -- those that failed; a success needs no row
    event INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at REAL NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (event, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE tallies (              -- how many events of a function are in a state; unfinished, dead and expired ones only
    function TEXT NOT NULL,
    state TEXT NOT NULL,
    count INTEGER NOT NULL,
    at REAL NOT NULL,               -- the journal's time when it changed last
    PRIMARY KEY (function, state)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX events_request_id ON events (request_id);
CREATE UNIQUE INDEX events_dedup ON events (dedup) WHERE dedup IS NOT NULL;
CREATE INDEX events_ready ON events (function, due) WHERE due IS NOT NULL;
CREATE INDEX events_lanes ON events (function, source, shard) WHERE shard <> '' AND finished IS NULL;
CREATE INDEX events_running ON events (function) WHERE state = 'running';
CREATE INDEX events_finished ON events (finished) WHERE finished IS NOT NULL;

-- name: schema_2
-- Expired events are dead letters too and are counted; and what did not end well is found without looking at all that did.
CREATE INDEX events_exhausted ON events (id) WHERE state IN ('dead', 'expired', 'discarded');
INSERT INTO tallies SELECT function, state, count(*), 0.0 FROM events INDEXED BY events_exhausted
WHERE state IN ('dead', 'expired', 'discarded') AND state = 'expired' GROUP BY function, state;

-- name: schema_3
ALTER TABLE events ADD COLUMN trace TEXT NOT NULL DEFAULT '';  -- X-Ray header of who caused it

-- name: latest
-- The last id given out and the journal's time of the last change: (id, time).
SELECT (SELECT ifnull(max(id), 0) FROM events), (SELECT ifnull(max(at), 0.0) FROM tallies);

-- name: orphans
-- What a dead instance ran: (function, state it goes back to, how many).
SELECT function, iif(failures > 0, 'retrying', 'queued'), count(*) FROM events WHERE state = 'running' GROUP BY 1, 2;

-- name: requeue
UPDATE events SET state = iif(failures > 0, 'retrying', 'queued'), due = :now WHERE state = 'running';

-- name: earliest
-- Functions and the time their first event is due: JSON [[function, due or null], ...] of the functions in :functions.
SELECT json_group_array(json_array(value, (SELECT min(due) FROM events WHERE function = value AND due IS NOT NULL)))
FROM json_each(:functions);

-- name: known_functions
SELECT json_group_array(function) FROM (SELECT DISTINCT function FROM tallies);

-- name: insert
-- {rows} becomes as many "(?, …)" as there are rows.
INSERT INTO events (id, request_id, function, source, shard, sequencer, dedup, size, created, due, state, attempt, failures, throttles, error, trace)
VALUES {rows} ON CONFLICT DO NOTHING;

-- name: insert_payloads
INSERT INTO payloads (id, payload, checksum) VALUES {rows};

-- name: busy
-- Which of the shards JSON [[function, source, shard], ...] have an unfinished event: JSON [position, ...].
SELECT json_group_array(key) FROM json_each(:lanes) AS d WHERE EXISTS (
    SELECT 1 FROM events AS h
    WHERE h.function = d.value ->> 0 AND h.source = d.value ->> 1 AND h.shard = d.value ->> 2 AND h.shard <> '' AND h.finished IS NULL
);

-- name: present
-- Which ids from :first to :last exist and when they are due, as JSON [[id, due or null], ...].
SELECT json_group_array(json_array(id, due)) FROM events WHERE id BETWEEN :first AND :last;

-- name: is_known
SELECT 1 FROM events WHERE dedup = :dedup;

-- name: promote
-- In the shards of the events :ids, have the oldest unfinished event be due, unless it runs or waits for a time of its own.
UPDATE events SET due = :now WHERE state = 'queued' AND due IS NULL AND id IN (
    SELECT (
        SELECT min(h.id) FROM events AS h
        WHERE h.function = e.function AND h.source = e.source AND h.shard = e.shard AND h.shard <> '' AND h.finished IS NULL
    ) FROM events AS e WHERE e.id IN (SELECT value FROM json_each(:ids))
);

-- name: tally
-- Add JSON [[function, state, how many], ...].
INSERT INTO tallies SELECT value ->> 0, value ->> 1, value ->> 2, :now FROM json_each(:changes) WHERE true
ON CONFLICT DO UPDATE SET count = count + excluded.count, at = max(at, excluded.at);

-- name: due
-- The first :limit due events of a function, oldest due first, as JSON [[id, due, size], ...].
SELECT json_group_array(json_array(id, due, size)) FROM (
    SELECT id, due, size FROM events WHERE function = :function AND due <= :now ORDER BY due, id LIMIT :limit
);

-- name: later
-- When the first event of a function is due that is not due at :now.
SELECT min(due) FROM events WHERE function = :function AND due > :now;

-- name: waiting
-- All that a delivery needs, as JSON [[id, ...], ...]; the payload in hexadecimal digits, null when it is missing.
SELECT json_group_array(json_array(
    e.id, e.request_id, e.function, e.source, e.shard, e.sequencer, e.created, e.attempt, e.failures, e.throttles, hex(p.payload), p.checksum,
    e.trace
)) FROM events AS e LEFT JOIN payloads AS p ON p.id = e.id WHERE e.id IN (SELECT value FROM json_each(:ids));

-- name: standing
-- Where the events :ids stand, as JSON [[id, state, attempt], ...].
SELECT json_group_array(json_array(id, state, attempt)) FROM events WHERE id IN (SELECT value FROM json_each(:ids));

-- name: start
-- Record the attempts JSON [[id, attempt], ...].
UPDATE events SET state = 'running', due = NULL, attempt = d.value ->> 1
FROM json_each(:started) AS d WHERE events.id = d.value ->> 0;

-- name: settle
-- Record JSON [[id, state, due, failures, throttles, finished, error or null to keep it, attempt], ...].
UPDATE events SET
    state = d.value ->> 1, due = d.value ->> 2, failures = d.value ->> 3, throttles = d.value ->> 4,
    finished = d.value ->> 5, error = ifnull(d.value ->> 6, error), attempt = d.value ->> 7
FROM json_each(:settled) AS d WHERE events.id = d.value ->> 0;

-- name: failed
-- Keep JSON [[id, attempt, at, error], ...].
INSERT OR REPLACE INTO attempts SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(:failed);

-- name: row
SELECT id, request_id, function, source, shard, state, attempt, created, due, finished, error, size
FROM events WHERE request_id = ?1;

-- name: payload
SELECT payload, checksum FROM payloads WHERE id = ?1;

-- name: history
SELECT number, at, error FROM attempts WHERE event = ?1 ORDER BY number;

-- name: number
SELECT id FROM events WHERE request_id = ?1;

-- name: newest
SELECT ifnull(max(id), 0) FROM events;

-- name: page
-- One stretch of a list, newest first.
SELECT id, request_id, function, source, shard, state, attempt, created, due, finished, error, size
FROM events
WHERE id BETWEEN ?1 AND ?2 AND created >= ?3 AND (?4 IN ('', function) OR substr(function, 1, length(?4) + 1) = ?4 || ':') AND (?5 = '' OR source = ?5)
    AND (?6 = '[]' OR state IN (SELECT value FROM json_each(?6)))
ORDER BY id DESC LIMIT ?7;

-- name: alike
-- The events of these dedup keys, in hexadecimal digits.
SELECT e.id, e.request_id, e.function, e.source, e.shard, e.state, e.attempt, e.created, e.due, e.finished, e.error, e.size
FROM json_each(?1) AS k CROSS JOIN events AS e ON e.dedup = unhex(k.value);

-- name: stretch
-- Over one stretch: the time of the newest accept, NULL when it is empty, and the next lower id there is.
SELECT max(created), (SELECT max(id) FROM events WHERE id < ?1) FROM events WHERE id BETWEEN ?1 AND ?2;

-- name: exhausted_page
-- The same as page, of events that are dead, expired or discarded.
SELECT id, request_id, function, source, shard, state, attempt, created, due, finished, error, size
FROM events INDEXED BY events_exhausted
WHERE state IN ('dead', 'expired', 'discarded') AND id BETWEEN ?1 AND ?2 AND created >= ?3 AND (?4 IN ('', function) OR substr(function, 1, length(?4) + 1) = ?4 || ':')
    AND (?5 = '' OR source = ?5) AND state IN (SELECT value FROM json_each(?6))
ORDER BY id DESC LIMIT ?7;

-- name: exhausted_stretch
-- The same as stretch, of such events.
SELECT max(created), (
    SELECT max(id) FROM events INDEXED BY events_exhausted WHERE state IN ('dead', 'expired', 'discarded') AND id < ?1
) FROM events INDEXED BY events_exhausted WHERE state IN ('dead', 'expired', 'discarded') AND id BETWEEN ?1 AND ?2;

-- name: copied
-- What a copy of an event needs.
SELECT e.state, e.function, e.source, e.shard, p.payload, p.checksum
FROM events AS e LEFT JOIN payloads AS p ON p.id = e.id WHERE e.request_id = ?1;

-- name: exhausted
-- (id, function, state) of the event :request_id.
SELECT id, function, state FROM events WHERE request_id = :request_id;

-- name: redrive
UPDATE events SET
    id = :new, state = 'queued', due = iif(shard = '', :now, NULL), created = :created, finished = NULL, failures = 0, throttles = 0
WHERE id = :old;

-- name: redrive_payload
UPDATE payloads SET id = :new WHERE id = :old;

-- name: redrive_attempts
UPDATE attempts SET event = :new WHERE event = :old;

-- name: old
-- The :limit events that finished first, before :before: JSON [[id, function, state], ...].
SELECT json_group_array(json_array(id, function, state)) FROM (
    SELECT id, function, state FROM events WHERE finished < :before ORDER BY finished, id LIMIT :limit
);

-- name: forget
DELETE FROM events WHERE id IN (SELECT value FROM json_each(:ids));

-- name: forget_payloads
DELETE FROM payloads WHERE id IN (SELECT value FROM json_each(:ids));

-- name: forget_attempts
DELETE FROM attempts WHERE event IN (SELECT value FROM json_each(:ids));

-- name: counts
SELECT function, state, count FROM tallies WHERE count > 0;

-- name: size
-- Bytes that are in use.
SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size;
