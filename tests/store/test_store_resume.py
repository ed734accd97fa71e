import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from store_samples import (
    ask,
    classified,
    failed,
    full_outcome,
    leftovers,
    line,
    open_writer,
    write,
)

from taxocrawl.errors import StoreError, StoreLocked
from taxocrawl.records import InputLine
from taxocrawl.settings import Settings
from taxocrawl.store.writer import fingerprint


def run_states(path: Path) -> list[tuple[object, ...]]:
    return ask(path, "SELECT state FROM runs ORDER BY sequence")


def stop_after_one(path: Path, **options: object) -> str:
    with open_writer(path, list_sha256="abc", **options) as store:
        store.add(full_outcome("a.example"), line(1, "a.example"))
        store.add_line(InputLine(line=2, raw="A.example", outcome="duplicate", duplicate_of=1))
        store.add(failed("c.example", "interrupted", ""), line(3, "c.example"))
        store.finish("interrupted")
        return store.run_id


def test_the_same_list_and_settings_resume_an_unfinished_run(path: Path) -> None:
    first = stop_after_one(path)
    with open_writer(path, list_sha256="abc") as store:
        assert (store.resumed, store.run_id) == (True, first)
        assert store.finished_lines() == {1, 2}
        store.add(full_outcome("c.example"), line(3, "c.example"))
    assert run_states(path) == [("finished",)]
    assert ask(path, "SELECT line, outcome FROM inputs ORDER BY line") == [
        (1, "classified"),
        (2, "duplicate"),
        (3, "classified"),
    ]
    assert ask(path, "SELECT domain, outcome FROM sites ORDER BY domain") == [
        ("a.example", "classified"),
        ("c.example", "classified"),
    ]


def test_a_finished_run_is_not_resumed(path: Path) -> None:
    write(path, classified("a.example"), list_sha256="abc")
    with open_writer(path, list_sha256="abc") as store:
        assert not store.resumed
        assert store.finished_lines() == frozenset()
    assert run_states(path) == [("finished",), ("finished",)]


@pytest.mark.parametrize(
    "options",
    [
        {"list_sha256": "abc", "new_run": True},
        {"list_sha256": "other"},
        {"list_sha256": ""},
        {"list_sha256": "abc", "settings": Settings(flush_s=0.0, max_pages=1)},
    ],
    ids=["asked for", "other list", "unknown list", "other settings"],
)
def test_a_new_run_starts_when(path: Path, options: dict[str, object]) -> None:
    stop_after_one(path)
    with open_writer(path, **options) as store:
        assert not store.resumed
    assert run_states(path) == [("interrupted",), ("finished",)]


def test_an_error_in_the_run_leaves_it_resumable(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), open_writer(path, list_sha256="abc"):
        _ = 1 / 0
    assert run_states(path) == [("failed",)]
    with open_writer(path, list_sha256="abc") as store:
        assert store.resumed


def test_a_batch_that_comes_twice_is_stored_once(path: Path) -> None:
    with open_writer(path) as store:
        for _ in range(3):
            store.add(full_outcome("a.example"), line(1, "a.example"))
    assert ask(path, "SELECT count(*) FROM inputs") == [(1,)]
    assert ask(path, "SELECT count(*) FROM pages") == [(1,)]


def test_fingerprints_ignore_line_ends_only() -> None:
    assert fingerprint(["a\n", "b\r\n"]) == fingerprint(["a", "b"])
    assert fingerprint(["ab"]) != fingerprint(["a", "b"])


# --- lock


def test_a_second_writer_is_refused_in_the_same_process(path: Path) -> None:
    with open_writer(path), pytest.raises(StoreLocked, match=rf"this process \({os.getpid()}\)"):
        open_writer(path)


def test_a_second_process_is_refused_with_process_and_run(path: Path) -> None:
    """D07."""
    with open_writer(path) as store:
        code = (
            "import sys; from pathlib import Path; from taxocrawl.store.writer import recover\n"
            "try: recover(Path(sys.argv[1]))\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        )
        run_id = store.run_id
    assert done.stdout.startswith("StoreLocked")
    assert f"process {os.getpid()}, run {run_id}" in done.stdout


def test_the_lock_of_a_dead_process_is_taken_over(path: Path) -> None:
    path.with_name(path.name + ".lock").write_text("999999 20200101-000000-abcdef\n")
    write(path, classified("a.example"))
    assert leftovers(path) == []


def test_a_refused_writer_leaves_no_lock_behind(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    path.write_bytes(b"no database")
    for _ in range(2):
        with pytest.raises(StoreError, match="cannot be opened"):
            open_writer(path)
    assert leftovers(path) == []


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """D06."""
    with pytest.raises(StoreError, match=r"nowhere/sites\.duckdb cannot be written to"):
        open_writer(tmp_path / "nowhere" / "sites.duckdb")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_named(tmp_path: Path) -> None:
    """D06."""
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StoreError, match="cannot be written to"):
        open_writer(tmp_path / "sites.duckdb")


def test_a_disk_that_is_full_stops_the_run_and_keeps_what_is_there(path: Path) -> None:
    """D05: a file in place of the spool's folder refuses every further batch."""
    store = open_writer(path, list_sha256="abc")
    store.add(classified("a.example"), line(1, "a.example"))
    store.flush()
    spool = path.with_name(path.name + ".spool")
    spool.write_text("in the way")
    store.add(classified("b.example"), line(2, "b.example"))
    with pytest.raises(StoreError, match="cannot be written"):
        store.flush()
    with pytest.raises(StoreError, match="cannot be written"):
        store.add(classified("c.example"), line(3, "c.example"))
    with pytest.raises(StoreError, match="cannot be written"):
        store.finish()
    spool.unlink()
    with open_writer(path, list_sha256="abc") as store:
        assert store.finished_lines() == {1}
