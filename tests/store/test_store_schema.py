import hashlib
from pathlib import Path

import duckdb
import pytest
from store_samples import ask, classified, write

from taxocrawl.errors import StoreError, StoreVersion
from taxocrawl.store import migration, schema
from taxocrawl.store.ddl import AddedColumn, Column, Step


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new.duckdb"


def test_a_new_store_is_made(new: Path) -> None:
    migration.prepare(new, wait_s=0)
    assert ask(new, "SELECT step, says FROM schema_steps") == [
        (step.number, step.says) for step in schema.STEPS
    ]


def test_every_table_of_the_design_is_there(path: Path) -> None:
    tables = {name for (name,) in ask(path, "SELECT table_name FROM duckdb_tables()")}
    assert tables == {
        *("runs", "inputs", "sites", "pages", "predictions", "explanations", "attributions"),
        *("agreements", "importances", "labels", "review_queue", "tags", "taxonomies", "nodes"),
        *("node_names", "crosswalks", "models", "plugins", "schema_steps", "risks"),
    }


def test_every_table_column_view_and_macro_has_a_comment(path: Path) -> None:
    silent = "comment IS NULL OR comment = ''"
    tables = ask(path, f"SELECT table_name FROM duckdb_tables() WHERE {silent}")
    views = ask(path, f"SELECT view_name FROM duckdb_views() WHERE NOT internal AND ({silent})")
    columns = ask(
        path,
        "SELECT table_name, column_name FROM duckdb_columns() "
        f"WHERE table_name IN (SELECT table_name FROM duckdb_tables()) AND ({silent})",
    )
    macros = ask(
        path, f"SELECT function_name FROM duckdb_functions() WHERE NOT internal AND ({silent})"
    )
    assert tables + views + columns + macros == []


def test_no_table_has_a_primary_key(path: Path) -> None:
    kinds = {kind for (kind,) in ask(path, "SELECT constraint_type FROM duckdb_constraints()")}
    assert kinds == {"CHECK"}


def test_preparing_twice_changes_nothing(path: Path) -> None:
    before = sha(path)
    migration.prepare(path, wait_s=0)
    assert sha(path) == before


def test_views_of_another_program_are_made_anew(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE OR REPLACE MACRO views_version() AS 'old'")
        connection.execute("CREATE OR REPLACE VIEW outcomes AS SELECT 'old' AS old")
    migration.prepare(path, wait_s=0)
    assert ask(path, "FROM outcomes") == []


def test_a_newer_store_is_refused_with_both_versions_and_left_untouched(path: Path) -> None:
    """D09."""
    newer = len(schema.STEPS) + 3
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO schema_steps VALUES (?, 'later', '9.9', now())", [newer])
    before = sha(path)
    with pytest.raises(StoreVersion, match=rf"schema {newer}.*schema {len(schema.STEPS)}"):
        write(path, classified("a.example"))
    assert sha(path) == before


def test_an_older_store_gains_the_new_column_and_keeps_its_rows(path: Path) -> None:
    """D08."""
    write(path, classified("a.example"))
    column = Column("mood", "VARCHAR", "how the site feels")
    later = Step(len(schema.STEPS) + 1, "mood", (AddedColumn("sites", column, "'calm'"),))
    migration.prepare(path, wait_s=0, steps=(*schema.STEPS, later))
    assert ask(path, "SELECT domain, mood FROM sites") == [("a.example", "calm")]
    comment = "SELECT comment FROM duckdb_columns() WHERE column_name = 'mood'"
    assert ask(path, f"{comment} AND table_name = 'sites'") == [("how the site feels",)]
    copy = path.with_name(f"{path.name}.before-step-{later.number}")
    assert ask(copy, "SELECT domain FROM sites") == [("a.example",)]


def test_a_step_that_fails_leaves_the_store_as_it_was(path: Path) -> None:
    wrong = Step(
        len(schema.STEPS) + 1, "wrong", (AddedColumn("no_such_table", Column("x", "VARCHAR", "x")),)
    )
    with pytest.raises(duckdb.Error):
        migration.prepare(path, wait_s=0, steps=(*schema.STEPS, wrong))
    assert ask(path, "SELECT max(step) FROM schema_steps") == [(len(schema.STEPS),)]


def test_a_database_of_somebody_else_is_refused(new: Path) -> None:
    with duckdb.connect(str(new)) as connection:
        connection.execute("CREATE TABLE accounts (id INTEGER)")
    with pytest.raises(StoreError, match="no taxocrawl store"):
        migration.prepare(new, wait_s=0)


@pytest.mark.parametrize("content", [b"no database", b"\0" * 20_000], ids=["text", "zeros"])
def test_a_file_that_is_no_database_is_refused_and_kept(path: Path, content: bytes) -> None:
    """D04."""
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"sites\.duckdb"):
        migration.prepare(path, wait_s=0)
    assert path.read_bytes() == content


def test_a_damaged_log_is_set_aside(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """D03."""
    wal = path.with_name(path.name + ".wal")
    wal.write_bytes(_log_of_a_killed_writer(path))
    migration.prepare(path, wait_s=0)
    assert ask(path, "SELECT count(*) FROM schema_steps") == [(len(schema.STEPS),)]
    assert list(path.parent.glob("*.wal.bad-*"))
    assert "set aside" in caplog.text


def _log_of_a_killed_writer(path: Path) -> bytes:
    """What is in the log while a writer has it open, one bit flipped."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO runs (run_id) SELECT 'r' || i FROM range(100) AS t(i)")
        log = bytearray(path.with_name(path.name + ".wal").read_bytes())
        connection.execute("DELETE FROM runs")
    log[len(log) // 2] ^= 4
    return bytes(log)
