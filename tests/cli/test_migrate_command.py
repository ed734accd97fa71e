"""A store of an older taxocrawl: what only reads names the cure, `migrate` is it."""

from pathlib import Path

import duckdb
import pytest
from cli_samples import Run, site, write_run

import taxocrawl
from taxocrawl.errors import QueryError
from taxocrawl.store import schema

CURE = "`taxocrawl migrate -s "


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store as it was before the last step."""
    path = tmp_path / "old.duckdb"
    write_run(path, site("club.example", ("2", 0.9), text="goal league"))
    with duckdb.connect(str(path)) as store:
        store.execute("DROP TABLE risks")
        store.execute("ALTER TABLE sites DROP COLUMN form_confidence")
        store.execute("DELETE FROM schema_steps WHERE step >= 4")
    return path


@pytest.mark.parametrize(
    "asked",
    [
        ("why", "club.example", "-s"),
        ("export", "--format", "csv", "--preset", "brand-safety"),
        ("sql", "SELECT form_confidence FROM sites", "-s"),
        ("sql", "SELECT * FROM risks", "-s"),
    ],
    ids=lambda asked: " ".join(asked),
)
def test_an_older_store_names_both_schemas_and_the_cure(
    asked: tuple[str, ...], old: Path, run: Run
) -> None:
    done = run(*asked, str(old))
    assert done.code == 1
    assert f"made by an older taxocrawl (schema 3, this {taxocrawl.__version__}" in done.err
    assert CURE in done.err
    assert not list(old.parent.glob("*.before-step-*"))


def test_python_names_the_cure_too(old: Path) -> None:
    with pytest.raises(QueryError, match=CURE):
        taxocrawl.open(old).sql("SELECT * FROM risks")


def test_migrate_brings_it_up_to_date_once_and_keeps_a_copy(old: Path, run: Run) -> None:
    done = run("migrate", "-s", str(old))
    assert done.code == 0
    assert f"schema 3 to {len(schema.STEPS)}; as it was: {old}.before-step-4" in done.err
    assert run("why", "club.example", "-s", str(old)).code == 0
    assert "is up to date" in run("migrate", "-s", str(old)).err
