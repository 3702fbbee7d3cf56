"""The tables' statements, from queries.sql beside this file, by name."""

from typing import Final

from router.journal.queries import statements

SQL: Final = statements("router.tables")
