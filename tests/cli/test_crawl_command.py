"""`taxocrawl crawl` as a user runs it: again, piped, interrupted, killed (FAULTS R01, D01)."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from loopback import Loopback, serving

sys.path.insert(0, str(Path(__file__).parents[2] / "quality"))
import faults

HOSTS = [f"s{number}.example" for number in range(24)]
PAGE = "<html><title>Oak tables</title><p>{}</p></html>".format(
    "Oak tables and chairs for the kitchen are made by hand in our workshop near the river. " * 6
)
QUICK = ("--classifier", "keywords", "--explain", "", "--max-pages", "1", "--retries", "0")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sites")
    for host in HOSTS:
        (folder / host).mkdir()
        (folder / host / "index.html").write_text(PAGE)
    return folder


@pytest.fixture(scope="module")
def web(sites: Path) -> Iterator[Loopback]:
    with serving(sites=sites) as running:
        yield running


@pytest.fixture(scope="module")
def slow_web(sites: Path) -> Iterator[Loopback]:
    with serving(sites=sites, delay_s=0.25) as running:
        yield running


def command(web: Loopback, *arguments: str) -> list[str]:
    crawl = [sys.executable, "-m", "taxocrawl", "crawl", *arguments]
    return [*crawl, "--connect-to", web.connect_to, *QUICK]


def crawl(folder: Path, web: Loopback, *arguments: str, given: bytes = b"") -> dict[str, object]:
    done = subprocess.run(
        command(web, *arguments, "--json"), cwd=folder, input=given, capture_output=True
    )
    assert done.returncode in (0, 3), done.stderr.decode()[-3000:]
    summary: dict[str, object] = json.loads(done.stdout)
    return summary


def ask(folder: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "sites.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def down() -> Iterator[list[str]]:
    """Options by which one of the hosts refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{bound.getsockname()[1]}"
        hosts = ("s1.example", "www.s1.example")
        yield [part for host in hosts for part in ("--connect-to", f"{host}::{target}")]


def test_what_failed_is_visited_again_and_the_rest_keeps_its_answer(
    tmp_path: Path, web: Loopback, down: list[str]
) -> None:
    (tmp_path / "list.csv").write_text("rank,domain\n1,s0.example\n2,s1.example\n3,no host\n")
    first = crawl(tmp_path, web, "list.csv", *down)
    assert first["outcomes"] == {"classified": 1, "connect_failed": 1, "invalid_input": 1}
    assert (first["lines"], first["kept"]) == (3, 0)

    listed = subprocess.run(
        [sys.executable, "-m", "taxocrawl", "errors", "--retryable"],
        cwd=tmp_path,
        capture_output=True,
    )
    assert listed.stdout.splitlines()[1].startswith(b"s1.example\tconnect_failed\trefused\tyes")
    piped = crawl(tmp_path, web, "-", *down, given=listed.stdout)
    assert piped["outcomes"] == {"connect_failed": 1}

    again = crawl(tmp_path, web, "list.csv", "--retry")
    assert again["outcomes"] == {"classified": 2, "invalid_input": 1}
    assert (again["pages"], again["kept"]) == (1, 1)
    assert ask(
        tmp_path,
        f"SELECT line, domain, outcome, detail FROM inputs WHERE run_id = '{again['run_id']}' "
        "ORDER BY line",
    ) == [
        (2, "s0.example", "classified", f"kept:{first['run_id']}"),
        (3, "s1.example", "classified", ""),
        (4, None, "invalid_input", "host"),
    ]

    nothing = crawl(tmp_path, web, "--retry", "--older-than", "1d")
    assert nothing["outcomes"] == {}
    everything = crawl(tmp_path, web, "--older-than", "0h")
    assert everything["outcomes"] == {"classified": 2}


@pytest.mark.parametrize("pipe", ["stdin", "fifo"])
def test_gzipped_list_comes_through_a_pipe(tmp_path: Path, web: Loopback, pipe: str) -> None:
    packed = gzip.compress("\ufeffhost;n\r\ns0.example;1\r\ns1.example;2\r\n".encode("utf-16"))
    if pipe == "stdin":
        done = crawl(tmp_path, web, "-", given=packed)
    else:
        os.mkfifo(tmp_path / "fifo")
        writer = threading.Thread(target=(tmp_path / "fifo").write_bytes, args=(packed,))
        writer.start()
        done = crawl(tmp_path, web, "fifo")
        writer.join()
    assert done["outcomes"] == {"classified": 2}


def test_column_that_is_not_clear_is_a_usage_error(tmp_path: Path, web: Loopback) -> None:
    (tmp_path / "list.csv").write_text("from,to\na.com,b.com\nc.com,d.com\n")
    done = subprocess.run(command(web, "list.csv"), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "which of its columns names the sites: from, to?" in done.stderr
    assert not (tmp_path / "sites.duckdb").exists()


def interrupt(folder: Path, web: Loopback, *, times: int) -> int:
    """Crawls, sends SIGINT once a line is stored; the exit code."""
    with subprocess.Popen(
        command(web, "list.txt", "--concurrency", "2"), cwd=folder, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        faults.wait_for_lines(folder / "sites.duckdb", process, 1)
        process.send_signal(signal.SIGINT)
        if times == 2:
            while b"again to stop at once" not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
        process.stderr.read()
        return process.wait()


@pytest.mark.parametrize("times", [1, 2])
def test_interrupted_crawl_goes_on_where_it_was(
    tmp_path: Path, slow_web: Loopback, times: int
) -> None:
    (tmp_path / "list.txt").write_text("\n".join(HOSTS))
    assert interrupt(tmp_path, slow_web, times=times) == 130
    before = ask(tmp_path, "SELECT line FROM inputs WHERE outcome <> 'interrupted' ORDER BY line")
    assert 0 < len(before) < len(HOSTS)
    assert ask(tmp_path, "SELECT state FROM runs") == [("interrupted",)]

    summary = crawl(tmp_path, slow_web, "list.txt", "--concurrency", "2")
    assert summary["pages"] == len(HOSTS) - len(before)
    assert ask(tmp_path, "SELECT state, command FROM runs") == [("finished", "crawl")]
    assert ask(
        tmp_path, "SELECT outcome, count(*), count(DISTINCT line) FROM inputs GROUP BY 1"
    ) == [("classified", len(HOSTS), len(HOSTS))]
    assert ask(tmp_path, "SELECT count(*), count(DISTINCT domain) FROM sites") == [
        (len(HOSTS), len(HOSTS))
    ]


def test_killed_crawl_loses_and_doubles_nothing(
    tmp_path: Path, slow_web: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "AFTER_S", 0.5)
    monkeypatch.setenv("TAXOCRAWL_FLUSH_SITES", "2")
    (tmp_path / "list.txt").write_text("\n".join(HOSTS))
    endured = faults.endure(
        command(slow_web, "list.txt", "--concurrency", "2"),
        tmp_path / "sites.duckdb",
        set(range(1, len(HOSTS) + 1)),
        kills=2,
        seed=1,
    )
    assert endured.sound, endured
    assert endured.kills
