"""D01: a writer that is killed at any moment loses nothing it acknowledged and doubles nothing."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_samples import QUICK, TOPICS, ask, full_outcome, line

from taxocrawl.store.commit import commit
from taxocrawl.store.opening import connect
from taxocrawl.store.rows import batch_table, site_row
from taxocrawl.store.spool import Batch, Spool
from taxocrawl.store.writer import StoreWriter

SITES = 24
_WRITER = """
import sys
from collections.abc import Iterator
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from store_samples import QUICK, TOPICS, full_outcome, line
from taxocrawl.store.writer import StoreWriter
import dataclasses
settings = dataclasses.replace(QUICK, flush_sites=4)
with StoreWriter(Path(sys.argv[1]), settings=settings, command="crawl", taxonomies=[TOPICS],
                 list_sha256="abc") as store:
    done = store.finished_lines()
    print("open", store.recovered, flush=True)
    for number in range(1, 25):
        if number not in done:
            store.add(full_outcome(f"s{number}.example"), line(number, f"s{number}.example"))
            print(number, flush=True)
"""


def start(path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(path: Path, steps: int) -> None:
    """Kill a writer once its spool has been seen to change this many times."""
    with start(path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seen: set[str] = set()
        while process.poll() is None and len(seen) < steps:
            seen |= {file.name for file in _spooled(path)}
        os.kill(process.pid, signal.SIGKILL)
        process.stdout.read()


def _spooled(path: Path) -> list[Path]:
    folder = path.with_name(path.name + ".spool")
    try:
        return list(folder.iterdir())
    except OSError:
        return []


@pytest.mark.slow
def test_a_killed_writer_loses_and_doubles_nothing(path: Path) -> None:
    random_steps = random.Random(1)
    for _ in range(4):
        kill_after(path, random_steps.randint(1, 4))
    with start(path) as process:
        process.communicate()
    assert process.returncode == 0
    assert ask(path, "SELECT state FROM runs") == [("finished",)]
    assert ask(path, "SELECT count(*), count(DISTINCT line) FROM inputs") == [(SITES, SITES)]
    for table, rows in (("sites", 1), ("pages", 1), ("predictions", 4), ("explanations", 2)):
        counts = f"SELECT domain, count(*) AS n FROM {table} GROUP BY domain"
        assert ask(path, f"SELECT count(*), min(n), max(n) FROM ({counts})") == [
            (SITES, rows, rows)
        ]


def test_what_was_spooled_before_a_crash_is_in_the_store_after_the_next_start(path: Path) -> None:
    store = StoreWriter(path, settings=QUICK, command="crawl", taxonomies=[TOPICS])
    store.add(full_outcome("a.example"), line(1, "a.example"))
    store.finish("interrupted")
    # The spool of a process that died between writing the batch and committing it.
    row = site_row(full_outcome("b.example"), line(2, "b.example"), keep_text="main")
    Spool(path).append(Batch(run_id=store.run_id, rows=batch_table([row])))
    with StoreWriter(path, settings=QUICK, command="crawl") as again:
        assert again.recovered == 1
    assert ask(path, "SELECT domain FROM sites ORDER BY domain") == [
        ("a.example",),
        ("b.example",),
    ]


@pytest.mark.parametrize("damage", [b"", b"ARROW1", b"\0" * 500], ids=["empty", "head", "zeros"])
def test_a_damaged_spool_file_is_set_aside_and_named(
    path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    folder = path.with_name(path.name + ".spool")
    folder.mkdir()
    (folder / "0000000007.arrow").write_bytes(damage)
    (folder / "0000000008.part").write_bytes(b"torn")
    with StoreWriter(path, settings=QUICK, command="crawl", taxonomies=[TOPICS]) as store:
        store.add(full_outcome("a.example"), line(1, "a.example"))
    assert "is damaged and was set aside" in caplog.text
    assert [file.name for file in folder.iterdir()] == ["0000000007.bad"]
    assert ask(path, "SELECT count(*) FROM sites") == [(1,)]


def damaged_logs(log: bytes) -> Iterator[tuple[str, bytes]]:
    """The log of a killed writer, cut off or with one bit flipped."""
    for share in (0.2, 0.8):
        place = int(len(log) * share)
        yield f"cut at {share}", log[:place]
        flipped = bytearray(log)
        flipped[place] ^= 1
        yield f"flipped at {share}", bytes(flipped)


def test_what_a_damaged_log_loses_comes_from_the_spool(path: Path) -> None:
    """D02, D03: DuckDB opens a log that was cut off with fewer rows and without a word."""
    store = StoreWriter(path, settings=QUICK, command="crawl", list_sha256="abc")
    store.add(full_outcome("s1.example"), line(1, "s1.example"))
    store.finish("interrupted")
    rows = [
        site_row(full_outcome(f"s{n}.example"), line(n, f"s{n}.example"), keep_text="main")
        for n in range(2, 40)
    ]
    batch = Batch(run_id=store.run_id, rows=batch_table(rows))
    wal = path.with_name(path.name + ".wal")
    with connect(path, read_only=False) as connection:
        commit(connection, batch)
        before, log = path.read_bytes(), wal.read_bytes()
    for number, (damage, damaged) in enumerate(damaged_logs(log)):
        copy = path.with_name(f"copy{number}.duckdb")
        copy.write_bytes(before)
        copy.with_name(copy.name + ".wal").write_bytes(damaged)
        Spool(copy).append(batch)
        with StoreWriter(copy, settings=QUICK, command="crawl", list_sha256="abc") as again:
            assert again.finished_lines() == set(range(1, 40)), damage
        counts = "SELECT count(*), count(DISTINCT domain) FROM"
        assert ask(copy, f"{counts} sites") == [(39, 39)], damage
        assert ask(copy, f"{counts} predictions") == [(39 * 4, 39)], damage
