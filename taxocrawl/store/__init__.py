"""One DuckDB file: all SQL of the project lives here."""
