"""Crawl a small invented web on this machine, and show what taxocrawl makes of it.

    python examples/demo.py

Nothing leaves the machine: the 25 written sites of `demo_sites/` are served on loopback. The store
`demo.duckdb` stays in the current folder, to be asked more. Exit code 1 where an outcome is not the
expected one, or more than three sites are given another root category than the expected one.
"""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITES = ROOT / "examples" / "demo_sites"
STORE = "demo.duckdb"
MISSES_ALLOWED = 3

sys.path.append(str(ROOT / "tests"))
from loopback import serving  # noqa: E402

CATEGORIES = """
SELECT domain, language AS lang, outcome, arg_min(path, rank) AS category,
    round(arg_min(confidence, rank), 2) AS sure
FROM newest_sites LEFT JOIN site_categories USING (domain)
GROUP BY ALL ORDER BY category NULLS LAST, outcome
"""

WORDS = """
SELECT domain, array_to_string(list(word ORDER BY weight DESC)[:6], ', ') AS words
FROM (
    SELECT domain, name AS word, max(weight) AS weight
    FROM attributions JOIN newest_sites USING (run_id, domain)
    WHERE kind = 'word' GROUP BY ALL
)
WHERE weight > 0.01 GROUP BY domain ORDER BY domain
"""


def main() -> int:
    """The exit code."""
    domains = os.path.relpath(SITES / "domains.txt")
    with serving(sites=SITES) as web:
        show("crawl", domains, "-o", STORE, "--new-run", "--connect-to", web.connect_to)
    show("sql", "-s", STORE, "--format", "table", CATEGORIES)
    show("why", "harbour-cycling.example", "-s", STORE)
    show("sql", "-s", STORE, "--format", "table", WORDS)
    return check()


def show(*arguments: str) -> None:
    """Run a command of taxocrawl before the reader's eyes."""
    words = [f'"{word.strip()}"' if " " in word else word for word in arguments]
    sys.stdout.write(f"\n$ taxocrawl {' '.join(words)}\n")
    sys.stdout.flush()
    taxocrawl(*arguments)


def taxocrawl(*arguments: str, capture: bool = False) -> str:
    """What the command printed, if captured; the demo ends where the command fails."""
    output = subprocess.PIPE if capture else None
    command = [sys.executable, "-m", "taxocrawl", *arguments]
    done = subprocess.run(command, stdout=output, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout or ""


def check() -> int:
    """0 where every outcome and nearly every root category is the expected one."""
    answer = taxocrawl("sql", "-s", STORE, "--json", CATEGORIES, capture=True)
    found = {row["domain"]: row for row in map(json.loads, answer.splitlines())}
    with (SITES / "expected.tsv").open(encoding="utf-8", newline="") as lines:
        expected = {row["host"]: row for row in csv.DictReader(lines, delimiter="\t")}
    topical = {host for host, row in expected.items() if row["tier1"]}
    others = expected.keys() - topical
    missed = {host for host in topical if root(found.get(host)) != expected[host]["tier1"]}
    strayed = {host for host in others if ending(found.get(host)) != expected[host]["outcome"]}

    sys.stdout.write(
        f"\n{len(topical - missed)} of {len(topical)} sites have the expected root category, "
        f"{len(others - strayed)} of {len(others)} others the expected outcome.\n"
    )
    for host in sorted(missed | strayed):
        wanted, got = expected[host], found.get(host)
        sys.stdout.write(
            f"  {host}: expected {wanted['tier1'] or wanted['outcome']}, "
            f"found {root(got) or ending(got)}\n"
        )
    return int(bool(strayed) or len(missed) > MISSES_ALLOWED)


def root(row: Mapping[str, str | None] | None) -> str:
    """Name of the first tier of a site's category, or ''."""
    return ((row or {}).get("category") or "").partition(" > ")[0]


def ending(row: Mapping[str, str | None] | None) -> str:
    """The outcome of a site."""
    return (row or {}).get("outcome") or "nothing"


if __name__ == "__main__":
    sys.exit(main())
