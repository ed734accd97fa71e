import json
import math
import os
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from store_samples import baking, classified, failed, full_outcome, write

from taxocrawl.errors import QueryError, StoreError, StoreLocked
from taxocrawl.store import allowed, query, sandbox
from taxocrawl.store.query import QueryResult, run_sql

HONEST = [
    "SELECT domain, path, confidence FROM site_categories WHERE tier = 1",
    "FROM outcomes",
    "FROM in_category('Sports')",
    "FROM why('club.example')",
    "FROM iab('club.example', '2.2')",
    "SELECT outcome, count(*) AS n, count(*) FILTER (WHERE retryable) FROM sites GROUP BY ALL",
    "SELECT s.domain, p.title FROM sites s JOIN pages p USING (run_id, domain) ORDER BY 1 LIMIT 5",
    "WITH best AS (SELECT * FROM predictions WHERE rank = 1) SELECT count(*) FROM best",
    "WITH RECURSIVE up AS (SELECT node_id, parent_id FROM nodes WHERE node_id = '3' UNION ALL "
    "SELECT n.node_id, n.parent_id FROM nodes n JOIN up ON up.parent_id = n.node_id) FROM up",
    "SELECT domain, row_number() OVER (PARTITION BY taxonomy ORDER BY confidence DESC) "
    "FROM predictions QUALIFY row_number() OVER (PARTITION BY domain ORDER BY rank) = 1",
    "SELECT settings->>'seed', settings->'$.taxonomies[0]' FROM runs",
    "SELECT unnest(notes) FROM sites",
    "SELECT list_transform(notes, lambda n: upper(n)), notes[1], [n FOR n IN notes] FROM sites",
    "SELECT * EXCLUDE (text) REPLACE (lower(title) AS title) FROM pages",
    "SELECT COLUMNS('.*_id') FROM predictions",
    "SELECT date_trunc('day', started_at), extract(year FROM started_at), now() - started_at, "
    "started_at + INTERVAL 1 DAY FROM runs",
    "SELECT CASE WHEN status BETWEEN 200 AND 299 THEN 'ok' ELSE coalesce(detail, '') END, "
    "domain ILIKE '%club%', domain ~ '^c', regexp_extract(domain, '([a-z]+)$', 1) FROM sites",
    "SELECT domain FROM sites WHERE domain IN (SELECT domain FROM pages) AND NOT EXISTS "
    "(SELECT 1 FROM labels WHERE labels.domain = sites.domain)",
    "WITH a AS (SELECT 1 AS x), b AS (FROM a) FROM a UNION FROM b UNION ALL FROM a ORDER BY x",
    "SELECT domain FROM sites UNION SELECT domain FROM pages EXCEPT SELECT 'x' ORDER BY 1",
    "FROM (SELECT tier, confidence FROM predictions) UNPIVOT (v FOR k IN (tier, confidence))",
    "SELECT table_name, comment FROM duckdb_tables()",
    "SELECT column_name FROM information_schema.columns WHERE table_name = 'sites'",
    "SELECT * FROM sites TABLESAMPLE 50%",
    "VALUES (1, 'a'), (2, 'b')",
    "DESCRIBE sites",
    "DESCRIBE SELECT 1 AS x",
    "SUMMARIZE predictions",
    "SHOW TABLES",
    "TABLE runs",
    "SELECT 1; ",
    "-- a remark\nSELECT 1 /* and another */",
    "SELECT domain FROM main.sites",
    'SELECT "domain" FROM "sites" AS "select"',
    "SELECT string_agg(domain, ', ' ORDER BY domain) FROM sites",
]

HOSTILE = [
    # files and network (D12)
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/*')",
    "SELECT * FROM read_parquet('s3://bucket/x')",
    "SELECT * FROM read_json('http://169.254.169.254/')",
    "SELECT * FROM read_duckdb('other.duckdb')",
    "SELECT * FROM parquet_scan('x')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'x.csv'",
    'SELECT * FROM "http://x.example/a.parquet"',
    "SELECT (SELECT content FROM read_text('/etc/hostname'))",
    "SELECT * FROM sites WHERE domain IN (SELECT content FROM read_text('/etc/hostname'))",
    "WITH x AS (FROM read_csv('/etc/passwd')) SELECT 1 FROM x",
    "SELECT 1 ORDER BY (SELECT count(*) FROM read_csv('/etc/passwd'))",
    "SELECT 1 LIMIT (SELECT count(*) FROM read_csv('/etc/passwd'))",
    "SELECT count(*) OVER (ORDER BY (SELECT 1 FROM glob('*'))) FROM sites",
    "SELECT list_transform([1], lambda x: (SELECT count(*) FROM glob('*')))",
    "DESCRIBE SELECT * FROM read_csv('/etc/passwd')",
    "SUMMARIZE SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM sites, LATERAL (SELECT * FROM glob(domain))",
    "COPY sites TO '/tmp/out.csv'",
    "COPY (SELECT 1) TO 'x'",
    "COPY sites FROM '/etc/passwd'",
    "EXPORT DATABASE '/tmp/out'",
    "IMPORT DATABASE '/tmp/out'",
    "ATTACH 'other.duckdb' AS other",
    "DETACH main",
    "USE main",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CREATE SECRET s (TYPE s3)",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM which_secret('s3://x', 's3')",
    # SQL within SQL
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('sites')",
    "SELECT * FROM histogram('duckdb_settings', 'value')",
    "SELECT * FROM histogram_values('duckdb_settings', 'value')",
    "SELECT * FROM json_execute_serialized_sql('x')",
    "SELECT json_serialize_sql('SELECT 1')",
    # settings, variables, paths (D13)
    "PRAGMA database_list",
    "PRAGMA table_info('sites')",
    "CALL duckdb_settings()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_databases()",
    "SELECT * FROM duckdb_databases",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM pragma_database_size()",
    "SELECT * FROM pg_catalog.pg_settings",
    "SELECT * FROM pg_settings",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM duckdb_extensions()",
    "SELECT * FROM duckdb_logs",
    "SELECT * FROM duckdb_temporary_files()",
    "SELECT * FROM information_schema.schemata",
    "SELECT current_setting('temp_directory')",
    "SELECT getenv('HOME')",
    "SELECT getvariable('x')",
    "SELECT system.main.getvariable('x')",
    "SELECT pg_catalog.pg_sleep(10)",
    "SHOW DATABASES",
    "SHOW ALL TABLES",
    "SHOW VARIABLES",
    "SELECT * FROM (SHOW DATABASES)",
    "SELECT * FROM system.main.duckdb_settings",
    "SET memory_limit = '10GB'",
    "SET VARIABLE x = 1",
    "RESET memory_limit",
    # a name that WITH gives in one place and that is another's table in the next
    "WITH a AS (WITH duckdb_databases AS (SELECT 1) FROM duckdb_databases) FROM duckdb_databases",
    "WITH duckdb_databases AS (FROM duckdb_databases) FROM duckdb_databases",
    "SELECT (WITH pg_settings AS (SELECT 1 AS x) SELECT x FROM pg_settings) FROM pg_settings",
    "WITH x AS (FROM pg_settings), pg_settings AS (SELECT 1) FROM x",
    "WITH pg_settings AS (SELECT 1) FROM main.pg_settings",
    "WITH pg_settings AS (SELECT 1) FROM pg_catalog.pg_settings",
    # writing
    "INSERT INTO sites (domain) VALUES ('x')",
    "WITH x AS (INSERT INTO sites (domain) VALUES ('x') RETURNING *) SELECT * FROM x",
    "WITH x AS (DELETE FROM sites RETURNING *) SELECT * FROM x",
    "WITH x AS (UPDATE sites SET domain = 'x' RETURNING *) SELECT * FROM x",
    "WITH x AS (COPY sites TO 'x') SELECT * FROM x",
    "UPDATE sites SET domain = 'x'",
    "DELETE FROM sites",
    "TRUNCATE sites",
    "MERGE INTO sites USING pages USING (domain) WHEN MATCHED THEN DELETE",
    "DROP TABLE sites",
    "ALTER TABLE sites ADD COLUMN x INTEGER",
    "CREATE TABLE x AS SELECT 1",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE VIEW x AS SELECT 1",
    "CREATE MACRO x() AS 1",
    "CREATE TYPE mood AS ENUM ('a')",
    "COMMENT ON TABLE sites IS 'x'",
    "VACUUM",
    "CHECKPOINT",
    "FORCE CHECKPOINT",
    "BEGIN",
    "PREPARE x AS SELECT 1",
    "EXECUTE x",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT nextval('s')",
    "SELECT setseed(0.5)",
    "SELECT write_log('x')",
    "SELECT sleep_ms(10000)",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM truncate_duckdb_logs()",
    # not one statement, or none
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE sites",
    "",
    ";",
    "-- nothing",
    "SELECT $1",
    "SELECT ?",
    "SELECT $name",
    "nonsense",
    "SELECT '",
    "\0",
    "SELECT " + "(" * 20_000 + "1" + ")" * 20_000,
    "SELECT " + "abs(" * 900 + "1" + ")" * 900,
    "SELECT 1 AS x" + " " * 200_000,
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("query") / "sites.duckdb"
    write(
        path,
        full_outcome("club.example"),
        classified("bakery.example", baking()),
        failed("gone.example"),
    )
    return path


def answer(store: Path, sql: str) -> list[str]:
    """What the sandbox would write, without its process: quick enough for every statement."""
    request: dict[str, Any] = {
        "path": str(store),
        "sql": sql,
        "max_rows": 100,
        "timeout_s": 5.0,
        "wait_s": 1.0,
        "memory_mib": 1024,
    }
    return list(sandbox.answer(request))


@pytest.mark.parametrize("sql", HONEST)
def test_an_honest_query_runs(store: Path, sql: str) -> None:
    head, *_, end = answer(store, sql)
    assert json.loads(head)["columns"]
    assert json.loads(end) == {"end": {"truncated": False}}


@pytest.mark.parametrize("sql", HOSTILE, ids=lambda sql: sql[:60])
def test_a_hostile_query_is_refused(store: Path, sql: str) -> None:
    """D12, D13, D15."""
    before = store.read_bytes()
    with pytest.raises(QueryError) as refusal:
        answer(store, sql)
    assert str(store.parent) not in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
    assert store.read_bytes() == before


def test_every_allowed_function_exists() -> None:
    with duckdb.connect() as connection:
        known = connection.execute(
            "SELECT function_name, function_type LIKE 'table%' FROM duckdb_functions() "
            "UNION SELECT keyword_name, false FROM duckdb_keywords()"
        ).fetchall()
    grammar = {"ifnull", "->"}
    assert allowed.functions() - {name for name, _ in known} == grammar
    tables = {name for name, table in known if table}
    assert allowed.table_functions() - tables == allowed.MACROS


def test_every_other_table_function_is_refused() -> None:
    with duckdb.connect() as connection:
        names = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() "
            "WHERE function_type IN ('table', 'table_macro')"
        ).fetchall()
    others = {name for (name,) in names} - allowed.table_functions()
    assert len(others) > 80
    for name in others:
        with pytest.raises(QueryError, match="may not be used"):
            allowed.relations(f"SELECT 1 WHERE EXISTS (FROM {name}('x'))")


# --- the process


def test_rows_come_back_as_python_values(store: Path) -> None:
    result = run_sql(
        store,
        "SELECT 1 AS whole, 1.5::DECIMAL(4,2) AS exact, 'é\U0001f600' AS text, NULL AS none, "
        "DATE '2026-11-21' AS day, TIMESTAMP '2026-11-21 10:00:00.5' AS moment, "
        "INTERVAL 90 SECOND AS span, 'nan'::DOUBLE AS nan, '\\xAA'::BLOB AS bytes, "
        "'00000000-0000-0000-0000-000000000001'::UUID AS id, [1, 2] AS list, "
        "{'a': 1, 'b': DATE '2026-01-01'} AS struct, sum(line) AS huge FROM inputs",
    )
    assert result.columns[:3] == ("whole", "exact", "text")
    assert result.types[:3] == ("INTEGER", "DECIMAL(4,2)", "VARCHAR")
    (row,) = result.rows
    assert math.isnan(row[7])
    assert (*row[:7], *row[8:]) == (
        1,
        Decimal("1.50"),
        "é\U0001f600",
        None,
        date(2026, 11, 21),
        datetime(2026, 11, 21, 10, 0, 0, 500_000),
        timedelta(seconds=90),
        b"\xaa",
        UUID(int=1),
        [1, 2],
        {"a": 1, "b": date(2026, 1, 1)},
        6,
    )


def test_a_text_that_looks_like_our_own_marks_is_only_text(store: Path) -> None:
    sql = """SELECT '{"$type": "date", "value": "x"}', {'$type': 'spaceship', 'value': 1}"""
    assert run_sql(store, sql).rows == (
        ('{"$type": "date", "value": "x"}', {"$type": "spaceship", "value": 1}),
    )


def test_an_answer_without_rows_keeps_its_columns(store: Path) -> None:
    assert run_sql(store, "SELECT domain FROM sites WHERE false") == QueryResult(
        columns=("domain",), types=("VARCHAR",), rows=(), truncated=False
    )


@pytest.mark.parametrize(("rows", "cut"), [(3, True), (4, False), (5, False)])
def test_a_long_answer_is_cut_and_says_so(store: Path, rows: int, cut: bool) -> None:
    """D15."""
    result = run_sql(store, "FROM range(4)", max_rows=rows)
    assert (len(result.rows), result.truncated) == (min(rows, 4), cut)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT domian FROM sites", "no column 'domian'; did you mean domain"),
        ("SELECT s.outcom FROM sites AS s", "no column 'outcom'"),
        ("SELECT * FROM site_category", "no table 'site_category'; did you mean site_categories"),
        ("SELECT * FROM zzz", "no table 'zzz'; there are"),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT 1; SELECT 2", "one statement may run at a time, these are 2"),
        ("DROP TABLE sites", "only SELECT"),
        ("FROM read_csv('x')", "function read_csv may not be used"),
    ],
)
def test_a_refusal_names_the_reason(store: Path, sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        answer(store, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT length(repeat('x', 2000000000))",
        "SELECT list(i) FROM range(1000000000) AS t(i)",
    ],
    ids=["repeat", "list"],
)
def test_a_query_that_eats_memory_is_stopped(store: Path, sql: str) -> None:
    """D14: memory_limit alone lets repeat() pass."""
    with pytest.raises(QueryError, match=r"too much memory|took longer"):
        run_sql(store, sql, timeout_s=8)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(1000000) a, range(1000000) b",
        "WITH RECURSIVE x AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM x) SELECT max(i) FROM x",
        "SELECT levenshtein(repeat('ab', 100000), repeat('ba', 100000))",
    ],
    ids=["cross join", "recursion", "levenshtein"],
)
def test_a_query_that_never_ends_is_killed(store: Path, sql: str) -> None:
    """D14: interrupting took 9.8 s on levenshtein."""
    with pytest.raises(QueryError, match=r"longer than 0\.4 s"):
        run_sql(store, sql, timeout_s=0.4)


def test_a_store_that_is_being_written_is_said_to_be_busy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "WAIT_S", 0.0)
    with (
        duckdb.connect(str(path)),
        pytest.raises(StoreLocked, match=rf"in use by process {os.getpid()}"),
    ):
        run_sql(path, "SELECT 1")


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such store"):
        run_sql(tmp_path / "none.duckdb", "SELECT 1")
    other = tmp_path / "other.duckdb"
    other.write_bytes(b"no database")
    with pytest.raises(StoreError, match="cannot be opened"):
        run_sql(other, "SELECT 1")
