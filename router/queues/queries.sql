-- Statements of the queues: each under "-- name: WORD", loaded by queries.py. Times are the queues' own (see store.py) but for
-- those in milliseconds, which are wall time.

-- name: schema_1
CREATE TABLE queue_messages (
    id INTEGER PRIMARY KEY,         -- grows: the order of arrival
    queue TEXT NOT NULL,
    lane TEXT NOT NULL,             -- message group; '' in a standard queue
    message_id TEXT NOT NULL,
    visible REAL NOT NULL,          -- may be received from then on
    arrived REAL NOT NULL,          -- when it was sent, also after a move to a dead-letter queue
    received REAL NOT NULL,         -- last receive
    receives INTEGER NOT NULL,
    carried INTEGER NOT NULL,       -- of these, in the queue that gave up on it
    first_received INTEGER,         -- epoch milliseconds
    token TEXT NOT NULL,            -- of the last receive; what makes a receipt handle stale
    holder TEXT NOT NULL,           -- event source mapping that holds it; '': somebody outside, or nobody
    source TEXT NOT NULL,           -- queue that gave up on it
    size INTEGER NOT NULL           -- bytes
) STRICT;
CREATE TABLE queue_bodies (         -- apart: a receive must not write them again
    id INTEGER PRIMARY KEY,
    sent INTEGER NOT NULL,          -- epoch milliseconds
    sender TEXT NOT NULL,
    deduplication TEXT NOT NULL,
    trace TEXT NOT NULL,
    attributes TEXT NOT NULL,       -- JSON {name: [type, value, whether it is base64]}
    body TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE queue_lanes (          -- message groups that hold messages
    queue TEXT NOT NULL,
    lane TEXT NOT NULL,
    due REAL NOT NULL,              -- its first message may be received from then on
    PRIMARY KEY (queue, lane)
) STRICT, WITHOUT ROWID;
CREATE TABLE queue_duplicates (
    queue TEXT NOT NULL,
    deduplication TEXT NOT NULL,
    until REAL NOT NULL,
    id INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    PRIMARY KEY (queue, deduplication)
) STRICT, WITHOUT ROWID;
CREATE TABLE queue_tallies (
    queue TEXT PRIMARY KEY,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    last INTEGER NOT NULL,          -- newest id
    at REAL NOT NULL,               -- the queues' time when it changed last
    made INTEGER NOT NULL           -- epoch seconds
) STRICT, WITHOUT ROWID;
CREATE TABLE queue_moves (          -- move tasks: redrives out of a dead-letter queue
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    destination TEXT NOT NULL,      -- '': each message to the queue that gave up on it
    rate INTEGER NOT NULL,          -- messages a second
    state TEXT NOT NULL,
    moved INTEGER NOT NULL,
    wanted INTEGER NOT NULL,        -- messages there at the start
    upto INTEGER NOT NULL,          -- the newest of them
    started INTEGER NOT NULL,       -- epoch milliseconds
    failure TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_messages_due ON queue_messages (queue, visible) WHERE lane = '';
CREATE INDEX queue_messages_age ON queue_messages (queue, arrived);
CREATE INDEX queue_messages_lane ON queue_messages (queue, lane, id) WHERE lane <> '';
CREATE INDEX queue_messages_lane_held ON queue_messages (queue, lane, visible) WHERE lane <> '' AND receives > 0;
CREATE INDEX queue_messages_held ON queue_messages (holder) WHERE holder <> '';
CREATE INDEX queue_lanes_due ON queue_lanes (queue, due);
CREATE INDEX queue_duplicates_until ON queue_duplicates (until);

-- name: schema_2
ALTER TABLE queue_bodies ADD COLUMN tenant TEXT NOT NULL DEFAULT '';  -- message group of a message in a standard queue, which has no lane

-- name: latest
SELECT ifnull(max(last), 0), ifnull(max(at), 0.0) FROM queue_tallies;

-- name: known
SELECT id, message_id FROM queue_duplicates WHERE queue = ?1 AND deduplication = ?2 AND until > ?3;

-- name: insert
INSERT INTO queue_messages VALUES (?, ?, ?, ?, ?, ?, 0.0, ?, ?, ?, '', '', ?, ?);

-- name: insert_body
INSERT INTO queue_bodies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: remember
INSERT OR REPLACE INTO queue_duplicates VALUES (?, ?, ?, ?, ?);

-- name: open_lane
INSERT INTO queue_lanes VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- name: tally
INSERT INTO queue_tallies VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET
    messages = messages + excluded.messages, bytes = bytes + excluded.bytes, last = max(last, excluded.last), at = max(at, excluded.at);

-- name: ready
SELECT id FROM queue_messages WHERE queue = ?1 AND lane = '' AND visible <= ?2 AND id NOT IN (SELECT value FROM json_each(?3))
ORDER BY visible, id LIMIT ?4;

-- name: next
SELECT min(visible) FROM queue_messages WHERE queue = ?1 AND lane = '' AND visible > ?2;

-- name: ready_lanes
SELECT lane FROM queue_lanes WHERE queue = ?1 AND due <= ?2 ORDER BY due, lane LIMIT ?3;

-- name: next_lane
SELECT min(due) FROM queue_lanes WHERE queue = ?1 AND due > ?2;

-- name: lane
SELECT id, visible FROM queue_messages WHERE queue = ?1 AND lane = ?2 AND lane <> '' AND id > ?3 ORDER BY id LIMIT ?4;

-- name: message
SELECT m.id, m.queue, m.lane, m.message_id, m.receives, m.carried, m.first_received, m.source, m.size, m.arrived,
    b.sent, b.sender, b.deduplication, b.trace, b.attributes, b.body, b.checksum, b.tenant
FROM queue_messages AS m LEFT JOIN queue_bodies AS b ON b.id = m.id WHERE m.id = ?1;

-- name: take
UPDATE queue_messages SET visible = ?2, received = ?3, receives = receives + 1, first_received = ifnull(first_received, ?4), token = ?5,
    holder = ?6 WHERE id = ?1;

-- name: first_of_lane
SELECT visible FROM queue_messages WHERE queue = ?1 AND lane = ?2 AND lane <> '' ORDER BY id LIMIT 1;

-- name: set_lane
INSERT INTO queue_lanes VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET due = excluded.due;

-- name: close_lane
DELETE FROM queue_lanes WHERE queue = ?1 AND lane = ?2;

-- name: held
SELECT lane, visible, received, token, size, receives FROM queue_messages WHERE id = ?1 AND queue = ?2;

-- name: set_visible
UPDATE queue_messages SET visible = ?2, holder = ?3 WHERE id = ?1;

-- name: give_back
-- It was never handed on: the receive did not happen.
UPDATE queue_messages SET visible = ?2, receives = receives - 1, holder = '', token = '',
    first_received = iif(receives = 1, NULL, first_received) WHERE id = ?1;

-- name: remove
DELETE FROM queue_messages WHERE id = ?1;

-- name: remove_body
DELETE FROM queue_bodies WHERE id = ?1;

-- name: to_queue
UPDATE queue_messages SET id = ?2, queue = ?3, visible = ?4, carried = receives, source = ?5, lane = ?6, token = '', holder = '',
    received = 0.0 WHERE id = ?1;

-- name: arrived
UPDATE queue_messages SET arrived = ?2 WHERE id = ?1;

-- name: body_to
UPDATE queue_bodies SET id = ?2 WHERE id = ?1;

-- name: renewed
UPDATE queue_messages SET message_id = ?2, arrived = ?3, receives = 0, carried = 0, first_received = NULL, source = '' WHERE id = ?1;

-- name: renewed_body
UPDATE queue_bodies SET sent = ?2 WHERE id = ?1;

-- name: old
SELECT id FROM queue_messages WHERE queue = ?1 AND arrived < ?2 ORDER BY arrived LIMIT ?3;

-- name: forget_duplicates
DELETE FROM queue_duplicates WHERE (queue, deduplication) IN (SELECT queue, deduplication FROM queue_duplicates WHERE until <= ?1 LIMIT ?2);

-- name: first
SELECT id, queue, lane, size FROM queue_messages WHERE queue = ?1 AND id <= ?2 ORDER BY arrived LIMIT ?3;

-- name: orphans
SELECT id, queue, lane FROM queue_messages WHERE holder <> '' LIMIT ?1;

-- name: messages
SELECT messages FROM queue_tallies WHERE queue = ?1;

-- name: in_flight
SELECT count(*) FROM (
    SELECT 1 FROM queue_messages WHERE queue = ?1 AND lane = '' AND visible > ?2 AND receives > 0 LIMIT ?3
);

-- name: lanes_in_flight
SELECT count(*) FROM (
    SELECT 1 FROM queue_messages WHERE queue = ?1 AND lane <> '' AND receives > 0 AND visible > ?2 LIMIT ?3
);

-- name: delayed
SELECT count(*) FROM queue_messages WHERE queue = ?1 AND visible > ?2 AND receives = 0;

-- name: oldest
SELECT min(arrived) FROM queue_messages WHERE queue = ?1;

-- name: tallies
SELECT queue, messages, bytes, at, made FROM queue_tallies ORDER BY queue;

-- name: forget_queue_duplicates
DELETE FROM queue_duplicates WHERE queue = ?1 AND id <= ?2;

-- name: forget_tally
DELETE FROM queue_tallies WHERE queue = ?1 AND messages = 0;

-- name: movable
SELECT id, source FROM queue_messages WHERE queue = ?1 AND id <= ?2 AND visible <= ?3 AND (?4 = '' OR source <> '')
ORDER BY arrived, id LIMIT ?5;

-- name: start_move
INSERT INTO queue_moves VALUES (?, ?, ?, ?, 'RUNNING', 0, ?, ?, ?, '');

-- name: moves
SELECT id, source, destination, rate, state, moved, wanted, upto, started, failure FROM queue_moves WHERE ?1 = '' OR source = ?1
ORDER BY started DESC, id LIMIT 10;

-- name: running_moves
SELECT id, source, destination, rate, upto FROM queue_moves WHERE state = 'RUNNING';

-- name: count_move
UPDATE queue_moves SET moved = moved + ?2 WHERE id = ?1;

-- name: end_move
UPDATE queue_moves SET state = ?2, failure = ?3 WHERE id = ?1 AND state = 'RUNNING';

-- name: forget_moves
DELETE FROM queue_moves WHERE state <> 'RUNNING' AND started < ?1;
