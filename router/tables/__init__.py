"""DynamoDB tables: their items, indexes and streams in one SQLite file, STATE/tables/tables.db, beside the journal."""
