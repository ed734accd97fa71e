"""The acceptance run: 2,900 real sites crawled from loopback by the real command.

`python quality/accept.py [--json FILE] [--limit N] [-- OPTIONS OF CRAWL]`. Checks that every line
ended in exactly one outcome, measures time, CPU and memory of the whole process tree, and compares
the answers with the labels of the gate. Exit code 1 if a line was lost or doubled, or the crawl
failed. Needs the shared data ($TAXOCRAWL_DATA, default `../shared/data`).

The labels were made by a large language model, not by people: two passes over the gate agree on
tier 1 in 94 %, on primary or alternative in 99 %.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as parquet

from taxocrawl.domains import canonical_host
from taxocrawl.taxonomies.formats import load

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("TAXOCRAWL_DATA", ROOT.parent / "shared" / "data"))
TAXONOMY = "iab-3.1"
SAMPLE_S = 0.25

sys.path.insert(0, str(ROOT / "tests"))
from loopback import serving  # noqa: E402

HOSTILE = (
    "not a domain",
    "http://",
    "mailto:someone@example.com",
    "javascript:alert(1)",
    "999.999.999.999",
    "-bad-.example.com",
    f"{'a' * 64}.com",
    "'); drop table inputs; --",
    "no-such-site-3f9a.com",
    "gone.no-such-site-3f9a.net/deep/page",
)
"""Lines that name no site, or one that the loopback web does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What the labels say of one site. `accepted` holds the primary node and the alternatives."""

    host: str
    language: str
    split: str
    status: str
    primary: str
    accepted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the process tree took. `peak_mib` sums proportional sizes: shared pages count once."""

    exit_code: int
    wall_s: float
    cpu_s: float
    peak_mib: float
    peak_processes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """How the lines of the list ended."""

    given: int
    lost: tuple[int, ...]
    doubled: tuple[int, ...]
    unasked: tuple[int, ...]
    sites_doubled: int
    pages: int
    outcomes: Mapping[str, int]
    by_status: Mapping[str, Mapping[str, int]]

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.unasked or self.sites_doubled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Shares of the gate's pages; a page without an answer counts as wrong."""

    classifier: str
    language: str
    pages: int
    answered: float
    tier1_primary: float
    tier1_accepted: float
    node_primary: float
    node_accepted: float


def read_labels(limit: int) -> list[Label]:
    """Labelled sites with HTML; of fewer than all, the gate's first."""
    columns = ["host", "lang", "split", "status", "primary", "alternatives", "has_html"]
    rows = parquet.read_table(DATA / "pages" / "labels.parquet", columns=columns).to_pylist()
    labels = [
        Label(
            host=canonical_host(row["host"]),
            language=row["lang"],
            split=row["split"],
            status=row["status"],
            primary=row["primary"] or "",
            accepted=tuple(filter(None, (row["primary"], *(row["alternatives"] or "").split(",")))),
        )
        for row in rows
        if row["has_html"]
    ]
    labels.sort(key=lambda label: (label.split != "gate", label.host) if limit else label.host)
    return labels[:limit] if limit else labels


def list_of_lines(labels: Sequence[Label]) -> list[str]:
    """Every site once, then ten of them again in other words, then the hostile lines."""
    hosts = [label.host for label in labels]
    again = [
        wording.format(host)
        for host, wording in zip(
            hosts,
            ("{}", "www.{}", "https://{}/", "{}.", "HTTP://{}:80/") * 2,
            strict=False,
        )
    ]
    return [*hosts, *again, *HOSTILE]


def crawl(lines: Path, store: Path, connect_to: str, options: Sequence[str]) -> Usage:
    """Runs the command and watches it. CPU seconds are those of all descendants it waited for."""
    command = [sys.executable, "-m", "taxocrawl", "crawl", str(lines), "-o", str(store)]
    command += ["--connect-to", connect_to, "--classifier", "ranker", "--classifier", "nearest"]
    command += options
    return watched(command, store.parent)


def watched(command: Sequence[str], folder: Path) -> Usage:
    """What a command takes that is run in this folder, without settings of the environment."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("TAXOCRAWL_")
    }
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env=environ)
    watch = Watch(process.pid)
    watch.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait again
    watch.stop()
    return Usage(
        exit_code=process.returncode,
        wall_s=seconds,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mib=watch.peak_bytes / 2**20,
        peak_processes=watch.peak_processes,
    )


class Watch(threading.Thread):
    """Samples the memory of a process and everything below it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak_bytes = 0
        self.peak_processes = 0
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(SAMPLE_S):
            tree = descendants(self.pid)
            self.peak_bytes = max(self.peak_bytes, sum(map(proportional_size, tree)))
            self.peak_processes = max(self.peak_processes, len(tree))

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def descendants(pid: int) -> list[int]:
    """The process and everything below it, by the parent in /proc/PID/stat."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text(encoding="latin-1")
            except OSError:  # it ended while we looked
                continue
            # The name in brackets may hold spaces and brackets: the parent stands after the last.
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    tree = [pid]
    for process in tree:
        tree.extend(children.get(process, ()))
    return tree


def proportional_size(pid: int) -> int:
    """Bytes of memory, pages shared by n processes counted as 1/n; 0 for one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def read_lines(connection: duckdb.DuckDBPyConnection, given: int, labels: Sequence[Label]) -> Lines:
    """Whether each line has one outcome, and which."""
    rows = connection.execute("SELECT line, outcome, domain FROM inputs").fetchall()
    counts = Counter(line for line, _, _ in rows)
    expected = set(range(1, given + 1))
    pages = connection.execute("SELECT count(*) FROM pages").fetchone()
    doubled = connection.execute(
        "SELECT count(*) FROM (SELECT domain FROM sites GROUP BY domain HAVING count(*) > 1)"
    ).fetchone()
    assert pages is not None
    assert doubled is not None
    status = {label.host: label.status for label in labels}
    by_status: dict[str, Counter[str]] = {}
    for _, outcome, domain in rows:
        if outcome != "duplicate":
            by_status.setdefault(status.get(domain, "not labelled"), Counter())[outcome] += 1
    return Lines(
        given=given,
        lost=tuple(sorted(expected - set(counts))),
        doubled=tuple(sorted(line for line, count in counts.items() if count > 1)),
        unasked=tuple(sorted(set(counts) - expected)),
        sites_doubled=doubled[0],
        pages=pages[0],
        outcomes=dict(Counter(outcome for _, outcome, _ in rows).most_common()),
        by_status={name: dict(counter.most_common()) for name, counter in by_status.items()},
    )


def accuracies(connection: duckdb.DuckDBPyConnection, labels: Sequence[Label]) -> list[Accuracy]:
    """Every classifier's first choice for the gate's sites, English and other languages apart."""
    rows = connection.execute(
        "SELECT classifier, domain, node_id FROM predictions "
        "WHERE taxonomy = ? AND rank = 1 AND url IS NULL",
        [TAXONOMY],
    ).fetchall()
    gate = [
        label
        for label in labels
        if label.split == "gate" and label.status == "ok" and label.primary
    ]
    groups = {
        "English": [label for label in gate if label.language == "en"],
        "other": [label for label in gate if label.language != "en"],
    }
    return [
        accuracy(
            classifier, language, group, {d: node for name, d, node in rows if name == classifier}
        )
        for classifier in sorted({name for name, _, _ in rows})
        for language, group in groups.items()
        if group
    ]


def accuracy(
    classifier: str, language: str, group: Sequence[Label], answers: Mapping[str, str]
) -> Accuracy:
    taxonomy = load(TAXONOMY)

    def root(node_id: str) -> str:
        return taxonomy.lineage(node_id)[0] if node_id in taxonomy else ""

    given = [(label, answers[label.host]) for label in group if label.host in answers]

    def share(hits: int) -> float:
        return round(hits / len(group), 4)

    return Accuracy(
        classifier=classifier,
        language=language,
        pages=len(group),
        answered=share(len(given)),
        tier1_primary=share(sum(root(node) == root(label.primary) for label, node in given)),
        tier1_accepted=share(
            sum(root(node) in {root(a) for a in label.accepted} for label, node in given)
        ),
        node_primary=share(sum(node == label.primary for label, node in given)),
        node_accepted=share(sum(node in label.accepted for label, node in given)),
    )


def show(lines: Lines, usage: Usage, found: Sequence[Accuracy]) -> None:
    """The report as people read it."""
    print(f"\n{lines.given:,} lines, {lines.pages:,} pages in {usage.wall_s:.1f} s")
    print(f"  exit code      {usage.exit_code:8}")
    print(f"  CPU            {usage.cpu_s:8.1f} s, {cpu_ms(lines, usage):.1f} ms a page")
    print(f"  peak memory    {usage.peak_mib:8.0f} MiB in {usage.peak_processes} processes")
    print(f"  lost {len(lines.lost)}, doubled {len(lines.doubled)}, unasked {len(lines.unasked)}")
    print("\noutcome             lines")
    for outcome, count in lines.outcomes.items():
        print(f"  {outcome:18}{count:6,}")
    print("\nlabelled as     outcomes")
    for status, counts in sorted(lines.by_status.items()):
        print(f"  {status:14}{', '.join(f'{name} {count}' for name, count in counts.items())}")
    heads = (
        "classifier",
        "language",
        "pages",
        "answered",
        "tier 1",
        "accepted",
        "node",
        "accepted",
    )
    print("\n{:14}{:9}{:>6}{:>10}{:>9}{:>10}{:>9}{:>10}".format(*heads))
    for row in found:
        print(
            f"{row.classifier:14}{row.language:9}{row.pages:6}{row.answered:10.3f}"
            f"{row.tier1_primary:9.3f}{row.tier1_accepted:10.3f}"
            f"{row.node_primary:9.3f}{row.node_accepted:10.3f}"
        )


def cpu_ms(lines: Lines, usage: Usage) -> float:
    return 1000 * usage.cpu_s / max(1, lines.pages)


def report(lines: Lines, usage: Usage, found: Sequence[Accuracy]) -> dict[str, object]:
    """The report as programs read it."""
    return {
        "lines": asdict(lines),
        "usage": asdict(usage) | {"cpu_ms_per_page": round(cpu_ms(lines, usage), 2)},
        "accuracy": [asdict(row) for row in found],
        "machine": {
            "cores": os.cpu_count(),
            "processor": processor(),
            "python": platform.python_version(),
        },
    }


def processor() -> str:
    """Name of the processor, as Linux calls it."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    names = (
        line.partition(":")[2].strip() for line in cpuinfo.splitlines() if "model name" in line
    )
    return next(names, platform.machine())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the report to this file")
    parser.add_argument("--limit", type=int, default=0, help="sites (0: all), the gate's first")
    parser.add_argument("--store", type=Path, help="keep the store here")
    parser.add_argument("options", nargs="*", help="options of crawl, after --")
    arguments = parser.parse_args()
    if not (DATA / "pages" / "pages.parquet").is_file():
        parser.error(f"no shared data at {DATA}: set TAXOCRAWL_DATA")
    if arguments.store and arguments.store.exists():
        parser.error(f"{arguments.store} exists; name a new file")

    labels = read_labels(arguments.limit)
    with tempfile.TemporaryDirectory(prefix="taxocrawl-accept-") as folder:
        lines = Path(folder) / "domains.txt"
        wanted = list_of_lines(labels)
        lines.write_text("".join(f"{line}\n" for line in wanted), encoding="utf-8")
        store = (arguments.store or Path(folder) / "sites.duckdb").absolute()
        with serving(pages=DATA / "pages" / "pages.parquet") as server:
            usage = crawl(lines, store, server.connect_to, arguments.options)
        if not store.exists():
            print(f"crawl ended with exit code {usage.exit_code}, no store", file=sys.stderr)
            return 1
        with duckdb.connect(str(store), read_only=True) as connection:
            ended = read_lines(connection, len(wanted), labels)
            found = accuracies(connection, labels)
    show(ended, usage, found)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(
            json.dumps(report(ended, usage, found), indent=2) + "\n", encoding="utf-8"
        )
    return 0 if ended.sound and usage.exit_code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
