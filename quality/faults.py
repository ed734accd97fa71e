"""The crawl killed at random moments: nothing lost, nothing doubled (FAULTS D01).

`python quality/faults.py [--kills N] [--seed N] [--limit N] [--compare] [-- OPTIONS OF CRAWL]`.
Crawls the real sites from loopback by the real command, kills its whole process group (SIGKILL) at
seeded random moments and starts the same command again, until it ends by itself. Then every line of
the list must have exactly one outcome and every site one row. With --compare the same list is
crawled again without a kill, and the outcomes must be the same. Exit code 1 where they are not.
Needs the shared data ($TAXOCRAWL_DATA, default `../shared/data`).
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import accept
import duckdb
from loopback import serving

POLL_S = 0.1
AFTER_S = 2.5
"""A kill comes up to so long after its line count was seen: anywhere between two flushes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: lines in the store when it was last looked at before, and after the next start."""

    at_s: float
    lines_before: int
    spooled: int
    lines_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Endured:
    """What was left at the end. `runs` is 1 where every start went on with the same run."""

    given: int
    kills: tuple[Kill, ...]
    exit_code: int
    runs: int
    states: tuple[str, ...]
    lost: tuple[int, ...]
    doubled: tuple[int, ...]
    interrupted: int
    sites_doubled: int
    forgotten: int

    @property
    def sound(self) -> bool:
        ended = self.exit_code == 0 and self.runs == 1 and self.states == ("finished",)
        wrong = (self.lost, self.doubled, self.interrupted, self.sites_doubled, self.forgotten)
        return ended and not any(wrong)


def endure(
    command: Sequence[str], store: Path, expected: set[int], *, kills: int, seed: int
) -> Endured:
    """Runs the command, kills it so many times, lets it end, and looks what is there.

    `expected` are the lines that must have an outcome.
    """
    moments = random.Random(seed)
    targets = sorted(moments.uniform(0.02, 0.9) * len(expected) for _ in range(kills))
    done: list[Kill] = []
    exit_code: int | None = None
    for target in targets:
        started = time.monotonic()
        with subprocess.Popen(command, cwd=store.parent, start_new_session=True) as process:
            # The first look after a start comes when the spool has been written to the store.
            after = wait_for_lines(store, process, 0 if not done else done[-1].lines_before)
            if done:
                done[-1] = Kill(**{**asdict(done[-1]), "lines_after": after})
            wait_for_lines(store, process, target)
            time.sleep(moments.uniform(0, AFTER_S))
            before = count_lines(store)
            spooled = len(list(store.with_name(store.name + ".spool").glob("*.arrow")))
            if is_finished(store):
                process.wait()  # killed now, it would be done: the next start is another run
            exit_code = process.poll()
            if exit_code is not None:
                print(f"it ended by itself before kill {len(done) + 1}", file=sys.stderr)
                break
            os.killpg(process.pid, signal.SIGKILL)
        at_s = time.monotonic() - started
        done.append(Kill(at_s=at_s, lines_before=before, spooled=spooled, lines_after=before))
        print(f"kill {len(done)}: after {at_s:.1f} s, {before} lines stored", file=sys.stderr)
    forgotten = sum(max(0, kill.lines_before - kill.lines_after) for kill in done)
    if exit_code is None:
        exit_code = subprocess.run(command, cwd=store.parent, check=False).returncode
    return judge(store, expected, tuple(done), exit_code, forgotten)


def wait_for_lines(store: Path, process: "subprocess.Popen[bytes]", target: float) -> int:
    """Lines in the store once there are so many, or the command has ended."""
    while (count := count_lines(store)) < target and process.poll() is None:
        time.sleep(POLL_S)
    return count


def is_finished(store: Path) -> bool:
    """Whether the newest run is written to its end."""
    if not count_lines(store):
        return False
    with duckdb.connect(str(store), read_only=True) as connection:
        newest = connection.execute("SELECT state FROM runs ORDER BY sequence DESC LIMIT 1")
        return newest.fetchall() == [("finished",)]


def count_lines(store: Path) -> int:
    """Lines with an outcome; 0 while there is no store. Tries again while it is written to."""
    deadline = time.monotonic() + 60
    while store.exists() and time.monotonic() < deadline:
        try:
            with duckdb.connect(str(store), read_only=True) as connection:
                ((count,),) = connection.execute("SELECT count(*) FROM inputs").fetchall()
                return int(count)
        except duckdb.CatalogException:
            return 0
        except duckdb.Error:
            time.sleep(0.02)
    return 0


def judge(
    store: Path, expected: set[int], kills: tuple[Kill, ...], exit_code: int, forgotten: int
) -> Endured:
    with duckdb.connect(str(store), read_only=True) as connection:
        lines = [line for (line,) in connection.execute("SELECT line FROM inputs").fetchall()]
        states = connection.execute("SELECT state FROM runs ORDER BY sequence").fetchall()
        ((interrupted,),) = connection.execute(
            "SELECT count(*) FROM inputs WHERE outcome = 'interrupted'"
        ).fetchall()
        ((doubled,),) = connection.execute(
            "SELECT count(*) FROM (SELECT domain FROM sites GROUP BY run_id, domain "
            "HAVING count(*) > 1)"
        ).fetchall()
    return Endured(
        given=len(expected),
        kills=kills,
        exit_code=exit_code,
        runs=len(states),
        states=tuple(state for (state,) in states),
        lost=tuple(sorted(expected - set(lines))),
        doubled=tuple(sorted(line for line, count in Counter(lines).items() if count > 1)),
        interrupted=interrupted,
        sites_doubled=doubled,
        forgotten=forgotten,
    )


def differing(one: Path, other: Path) -> list[tuple[int, str, str]]:
    """Lines that ended otherwise in the other store."""
    with duckdb.connect() as connection:
        for name, path in (("one", one), ("other", other)):
            connection.execute(f"ATTACH '{path}' AS {name} (READ_ONLY)")
        return connection.execute(
            "SELECT line, a.outcome, b.outcome FROM one.inputs AS a "
            "FULL JOIN other.inputs AS b USING (line) "
            "WHERE a.outcome IS DISTINCT FROM b.outcome ORDER BY line"
        ).fetchall()


def show(endured: Endured) -> None:
    print(f"{endured.given:,} lines, {len(endured.kills)} kills, exit code {endured.exit_code}")
    print(f"  runs {endured.runs} ({', '.join(endured.states)})")
    print(
        f"  lost {len(endured.lost)}, doubled {len(endured.doubled)}, "
        f"sites doubled {endured.sites_doubled}, left interrupted {endured.interrupted}, "
        f"stored and gone after a kill {endured.forgotten}"
    )
    print("  kill  after s  lines stored  batches in the spool  lines at the next start")
    for number, kill in enumerate(endured.kills, start=1):
        print(
            f"  {number:4}{kill.at_s:9.1f}{kill.lines_before:14,}{kill.spooled:22}"
            f"{kill.lines_after:25,}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--limit", type=int, default=0, help="sites (0: all)")
    parser.add_argument("--compare", action="store_true", help="crawl once more without a kill")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    parser.add_argument("options", nargs="*", help="options of crawl, after --")
    arguments = parser.parse_args()
    if not (accept.DATA / "pages" / "pages.parquet").is_file():
        parser.error(f"no shared data at {accept.DATA}: set TAXOCRAWL_DATA")
    wanted = accept.list_of_lines(accept.read_labels(arguments.limit))
    with (
        tempfile.TemporaryDirectory(prefix="taxocrawl-faults-") as name,
        serving(pages=accept.DATA / "pages" / "pages.parquet") as server,
    ):
        folder = Path(name)
        (folder / "domains.txt").write_text("".join(f"{w}\n" for w in wanted), encoding="utf-8")
        store, calm = folder / "sites.duckdb", folder / "calm.duckdb"
        command = [sys.executable, "-m", "taxocrawl", "-q", "crawl", "domains.txt"]
        command += ["--connect-to", server.connect_to, *arguments.options]
        expected = set(range(1, len(wanted) + 1))
        endured = endure(
            [*command, "-o", str(store)],
            store,
            expected,
            kills=arguments.kills,
            seed=arguments.seed,
        )
        show(endured)
        other: list[tuple[int, str, str]] = []
        if arguments.compare:
            subprocess.run([*command, "-o", str(calm)], cwd=folder, check=False)
            other = differing(store, calm)
            print(f"  {len(other)} lines end otherwise without a kill {other[:5]}")
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(endured), indent=2) + "\n", encoding="utf-8")
    return 0 if endured.sound and not other else 1


if __name__ == "__main__":
    sys.exit(main())
