import shutil
from pathlib import Path

import duckdb
import pytest
from store_samples import QUICK, TOPICS

from taxocrawl.store.writer import StoreWriter


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the taxonomy and no run: making one takes longer than most tests."""
    path = tmp_path_factory.mktemp("store") / "empty.duckdb"
    StoreWriter(path, settings=QUICK, command="crawl", taxonomies=[TOPICS]).finish()
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM runs")
    return path


@pytest.fixture
def path(tmp_path: Path, empty_store: Path) -> Path:
    """A copy of the empty store, for one test."""
    return Path(shutil.copy(empty_store, tmp_path / "sites.duckdb"))
