"""How rightly pages without a topic are told: parked, gated, bot_check, soft404 and so on.

`python quality/status.py [--write]` counts on the labelled pages (gate, and train beside it), on
the written pages of `tests/written_status_pages.jsonl`, and how many good pages get any of these
kinds; prints the tables and, with `--write`, keeps them in `quality/results_status.json`. Needs the
shared data ($TAXOCRAWL_DATA, default `../shared/data`).

The labels were made by a large language model, not by people. The rules were written on the train
split and on two thirds of the written families of each kind, then frozen; gate and the families
with `held_back` were only counted.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as parquet

from taxocrawl import words
from taxocrawl.extraction import signs
from taxocrawl.extraction.html import extract
from taxocrawl.extraction.ladder import Baseline, Trafilatura, Visible
from taxocrawl.extraction.site_status import page_status
from taxocrawl.protocols import Extractor
from taxocrawl.records import Extract, Page
from taxocrawl.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "quality" / "results_status.json"
WRITTEN = ROOT / "tests" / "written_status_pages.jsonl"
KINDS = ("parked", "gated", "bot_check", "soft404", "script_only", "thin")
# Kinds by rules on words, which a page of stored text can get too. It has no markup to show an
# app, and its main text was cut before it came here, so thin and script_only say nothing there.
KINDS_OF_WORDS = frozenset({"parked", "gated", "bot_check", "soft404"})

SETTINGS = Settings()
LADDER: tuple[tuple[str, Extractor], ...] = (
    ("trafilatura", Trafilatura(recall=True)),
    ("baseline", Baseline()),
    ("visible", Visible()),
)

Pairs = Counter[tuple[str, str]]
"""(what a page is, what it was taken for) -> pages."""


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    data = Path(os.environ.get("TAXOCRAWL_DATA") or ROOT.parent / "shared" / "data")
    found: dict[str, object] = {}
    good = Counter[str]()
    for split in ("gate", "train"):
        pairs = pairs_of(html_pages(data, split))
        found[split] = kinds_table(pairs)
        good += good_pages(pairs, frozenset({*KINDS, "empty"}))
    pairs = pairs_of(text_pages(data))
    found["train, text only"] = {k: v for k, v in kinds_table(pairs).items() if k in KINDS_OF_WORDS}
    good += good_pages(pairs, KINDS_OF_WORDS)
    found["false_alarms"] = {
        "pages": good.total(),
        "alarms": good.total() - good["ok"],
        "share": round(1 - good["ok"] / good.total(), 4),
    }
    found["written, held back"] = kinds_table(pairs_of(written_pages(held_back=True)))
    found["written, seen"] = kinds_table(pairs_of(written_pages(held_back=False)))
    text = json.dumps(found, indent=1)
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        RESULTS.write_text(f"{text}\n", encoding="utf-8")
    return 0


def html_pages(data: Path, split: str, *, step: int = 1) -> Iterator[tuple[str, Extract]]:
    """(label, extract) of the labelled pages with HTML; of the good ones every `step`th."""
    columns = ["page_id", "status"]
    rows = parquet.read_table(data / "pages/labels.parquet", columns=columns).to_pylist()
    status = {row["page_id"]: row["status"] for row in rows}
    good = 0
    for row in parquet.read_table(data / "pages/pages.parquet").to_pylist():
        if row["split"] != split or row["page_id"] not in status:
            continue
        kind = _kind(status[row["page_id"]])
        good += kind == "ok"
        if kind != "ok" or good % step == 0:
            content_type = f"text/html; charset={row['charset']}"
            yield kind, read(row["html"], row["url"], content_type)


def text_pages(data: Path, *, step: int = 1) -> Iterator[tuple[str, Extract]]:
    """(label, extract) of every `step`th labelled page of which only fields of text are kept."""
    rows = parquet.read_table(data / "pages/labels.parquet").to_pylist()
    for row in rows[::step]:
        if row["has_html"] not in (True, "True"):
            text = row["main_text"] or ""
            extract_of_fields = Extract(
                url=row["url"],
                title=row["title"] or "",
                description=row["description"] or "",
                headings=tuple(filter(None, (row["headings"] or "").split(" | "))),
                text=text,
                text_words=words.count(text),
                status_hints=signs.of_address(row["url"]),
            )
            yield _kind(row["status"]), extract_of_fields


def written_pages(*, held_back: bool) -> Iterator[tuple[str, Extract]]:
    """(kind, extract) of the pages written for the kinds that are rare on the web."""
    for line in WRITTEN.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["held_back"] == held_back:
            yield (
                row["kind"],
                read(row["html"].encode(), "https://oak.test/", "text/html;charset=utf-8"),
            )


def read(html: bytes | str, url: str, content_type: str) -> Extract:
    """The page as the shipped ladder reads it."""
    page = Page(
        url=url,
        requested_url=url,
        status=200,
        headers=(("content-type", content_type),),
        body=html.encode("utf-8", "surrogatepass") if isinstance(html, str) else html,
        fetched_at="",
    )
    return extract(page, ladder=LADDER, settings=SETTINGS)


def pairs_of(pages: Iterable[tuple[str, Extract]]) -> Pairs:
    """What every page is and what it is taken for."""
    pairs: Pairs = Counter()
    for kind, found in pages:
        hint = page_status(found, SETTINGS)
        pairs[kind, hint.kind if hint else "ok"] += 1
    return pairs


def kinds_table(pairs: Mapping[tuple[str, str], int]) -> dict[str, dict[str, float | None]]:
    """Pages, recall and precision of each kind; precision None where nothing was taken for it."""
    table: dict[str, dict[str, float | None]] = {}
    for kind in KINDS:
        pages = sum(n for (is_, _), n in pairs.items() if is_ == kind)
        taken = sum(n for (_, taken_for), n in pairs.items() if taken_for == kind)
        hits = pairs.get((kind, kind), 0)
        if pages:
            table[kind] = {
                "n": pages,
                "recall": round(hits / pages, 3),
                "precision": round(hits / taken, 3) if taken else None,
            }
    return table


def good_pages(pairs: Mapping[tuple[str, str], int], kinds: frozenset[str]) -> Counter[str]:
    """What the good pages are taken for; a kind outside `kinds` counts as ok."""
    found = Counter[str]()
    for (is_, taken_for), n in pairs.items():
        if is_ == "ok":
            found[taken_for if taken_for in kinds else "ok"] += n
    return found


def _kind(status: str) -> str:
    # The labels' `error` is our soft404 with the detail server_error.
    return "soft404" if status == "error" else status


if __name__ == "__main__":
    sys.exit(main())
