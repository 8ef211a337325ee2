//! Rows: migrations and queries, on SQLite and PostgreSQL.
