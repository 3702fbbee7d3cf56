-- Statements of the tables: each under "-- name: WORD", loaded by queries.py. Times are epoch seconds.

-- name: schema_1
CREATE TABLE stored_tables (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: what is left of a deleted table is nobody's
    name TEXT NOT NULL UNIQUE,
    uuid TEXT NOT NULL,                     -- TableId
    made REAL NOT NULL,
    keys TEXT NOT NULL,                     -- JSON [[name, type], …]
    items INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    ttl TEXT NOT NULL DEFAULT '',           -- attribute that `expires` of its items is taken from
    ttl_filled INTEGER                      -- id of the last item whose `expires` is of that attribute; NULL: of all
) STRICT;
CREATE TABLE stored_indexes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner INTEGER NOT NULL,                 -- table
    name TEXT NOT NULL,
    keys TEXT NOT NULL,
    filled INTEGER,                         -- id of the last item that was entered; NULL: all are
    UNIQUE (owner, name)
) STRICT;
CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner INTEGER NOT NULL,
    hash BLOB NOT NULL,                     -- router/items/keys.py
    range BLOB NOT NULL,
    size INTEGER NOT NULL,                  -- bytes, as DynamoDB counts
    expires INTEGER,
    item BLOB NOT NULL                      -- codec.py
) STRICT;
CREATE UNIQUE INDEX items_by_key ON items (owner, hash, range);
CREATE INDEX items_by_owner ON items (owner);       -- and id, in whose order new indexes are filled
CREATE INDEX items_by_expiry ON items (owner, expires) WHERE expires IS NOT NULL;
CREATE TABLE entries (                      -- items in the order of an index
    owner INTEGER NOT NULL,                 -- index
    hash BLOB NOT NULL,
    range BLOB NOT NULL,
    item_hash BLOB NOT NULL,
    item_range BLOB NOT NULL,
    item INTEGER NOT NULL,
    PRIMARY KEY (owner, hash, range, item_hash, item_range)
) STRICT, WITHOUT ROWID;
CREATE TABLE streams (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,                     -- of the table
    identity TEXT NOT NULL UNIQUE,
    view TEXT NOT NULL,
    keys TEXT NOT NULL,
    made REAL NOT NULL,
    ended REAL,
    last INTEGER NOT NULL DEFAULT 0,        -- number of the newest record there ever was
    mark INTEGER NOT NULL DEFAULT 0         -- and its mark
) STRICT;
CREATE TABLE stream_records (
    id INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    mark INTEGER NOT NULL,
    record BLOB NOT NULL                    -- as Lambda gets it, JSON
) STRICT;
CREATE UNIQUE INDEX stream_records_by_seq ON stream_records (stream, seq);
CREATE TABLE transaction_tokens (
    token TEXT PRIMARY KEY,
    digest TEXT NOT NULL,                   -- of the request
    at REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- name: schema_2
ALTER TABLE stored_tables ADD COLUMN let_go INTEGER;    -- forgotten once it is declared no more (1), or is again (0); NULL: stays

-- name: table
SELECT id, uuid, made, keys, items, ttl, ttl_filled FROM stored_tables WHERE name = ?;

-- name: add_table
INSERT INTO stored_tables (name, uuid, made, keys, ttl) VALUES (?, ?, ?, ?, ?);

-- name: let_go_of
UPDATE stored_tables SET let_go = ? WHERE name = ?;

-- name: let_go
SELECT name, let_go FROM stored_tables WHERE let_go IS NOT NULL;

-- name: keep
UPDATE stored_tables SET let_go = NULL WHERE name = ?;

-- name: keep_all
UPDATE stored_tables SET let_go = NULL WHERE let_go IS NOT NULL;

-- name: forget_table
DELETE FROM stored_tables WHERE name = ?;

-- name: table_figures
SELECT items, bytes FROM stored_tables WHERE id = ?;

-- name: count
UPDATE stored_tables SET items = items + ?, bytes = bytes + ? WHERE id = ?;

-- name: set_ttl
UPDATE stored_tables SET ttl = ?, ttl_filled = ? WHERE id = ?;

-- name: ttl_filled
UPDATE stored_tables SET ttl_filled = ? WHERE id = ?;

-- name: indexes
SELECT id, name, keys, filled FROM stored_indexes WHERE owner = ?;

-- name: add_index
INSERT INTO stored_indexes (owner, name, keys, filled) VALUES (?, ?, ?, ?);

-- name: forget_index
DELETE FROM stored_indexes WHERE id = ?;

-- name: forget_indexes
DELETE FROM stored_indexes WHERE owner = ?;

-- name: index_filled
UPDATE stored_indexes SET filled = ? WHERE id = ?;

-- name: index_entries
SELECT count(*) FROM entries WHERE owner = ?;

-- name: open_stream
SELECT id, identity, view, made FROM streams WHERE name = ? AND ended IS NULL;

-- name: newest_stream
SELECT max(made) FROM streams WHERE name = ?;

-- name: add_stream
INSERT INTO streams (name, identity, view, keys, made) VALUES (?, ?, ?, ?, ?);

-- name: end_stream
UPDATE streams SET ended = ? WHERE name = ? AND ended IS NULL;

-- name: streams
SELECT id, name, identity, view, keys, made, ended, last, mark FROM streams ORDER BY name, made;

-- name: streams_of
SELECT id, name, identity, view, keys, made, ended, last, mark FROM streams WHERE name = ? ORDER BY made;

-- name: next_seq
UPDATE streams SET last = last + 1, mark = ? WHERE id = ? RETURNING last;

-- name: add_record
INSERT INTO stream_records (stream, seq, at, mark, record) VALUES (?, ?, ?, ?, ?);

-- name: records
SELECT seq, at, mark, record FROM stream_records WHERE stream = ? AND seq >= ? ORDER BY seq;

-- name: record_mark
SELECT mark FROM stream_records WHERE stream = ? AND seq = ?;

-- name: first_record
SELECT min(seq) FROM stream_records WHERE stream = ?;

-- name: first_record_since
SELECT min(seq) FROM stream_records WHERE stream = ? AND at >= ?;

-- name: trim_records
DELETE FROM stream_records WHERE at < ?4 AND id IN     -- of the oldest alone: those behind a young one are younger
    (SELECT id FROM stream_records WHERE stream = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3);

-- name: drop_streams
DELETE FROM streams WHERE ended < ? AND NOT EXISTS (SELECT 1 FROM stream_records WHERE stream = streams.id);

-- name: get
SELECT id, size, item FROM items WHERE owner = ? AND hash = ? AND range = ?;

-- name: insert
INSERT INTO items (owner, hash, range, size, expires, item) VALUES (?, ?, ?, ?, ?, ?);

-- name: replace
UPDATE items SET size = ?, expires = ?, item = ? WHERE id = ?;

-- name: delete
DELETE FROM items WHERE id = ?;

-- name: enter
INSERT OR REPLACE INTO entries (owner, hash, range, item_hash, item_range, item) VALUES (?, ?, ?, ?, ?, ?);

-- name: leave
DELETE FROM entries WHERE owner = ? AND hash = ? AND range = ? AND item_hash = ? AND item_range = ?;

-- name: expired
SELECT hash, range FROM items WHERE owner = ? AND expires BETWEEN ? AND ? ORDER BY expires LIMIT ?;

-- name: items_after
SELECT id, hash, range, item FROM items WHERE owner = ? AND id > ? ORDER BY id LIMIT ?;

-- name: set_expiry
UPDATE items SET expires = ? WHERE id = ?;

-- name: owners
WITH RECURSIVE found (owner) AS (          -- from one to the next by the index: DISTINCT would look at every item
    SELECT min(owner) FROM items
    UNION ALL SELECT (SELECT min(items.owner) FROM items WHERE items.owner > found.owner) FROM found WHERE found.owner IS NOT NULL
) SELECT owner FROM found WHERE owner IS NOT NULL;

-- name: entry_owners
WITH RECURSIVE found (owner) AS (
    SELECT min(owner) FROM entries
    UNION ALL SELECT (SELECT min(entries.owner) FROM entries WHERE entries.owner > found.owner) FROM found WHERE found.owner IS NOT NULL
) SELECT owner FROM found WHERE owner IS NOT NULL;

-- name: known_tables
SELECT id FROM stored_tables;

-- name: known_indexes
SELECT id FROM stored_indexes;

-- name: drop_items
DELETE FROM items WHERE id IN (SELECT id FROM items WHERE owner = ? LIMIT ?);

-- name: drop_entries
DELETE FROM entries WHERE (owner, hash, range, item_hash, item_range) IN
    (SELECT owner, hash, range, item_hash, item_range FROM entries WHERE owner = ? LIMIT ?);

-- name: token
SELECT digest FROM transaction_tokens WHERE token = ? AND at >= ?;

-- name: add_token
INSERT OR REPLACE INTO transaction_tokens VALUES (?, ?, ?);

-- name: latest_token
SELECT ifnull(max(at), 0.0) FROM transaction_tokens;

-- name: forget_tokens
DELETE FROM transaction_tokens WHERE at < ?;
