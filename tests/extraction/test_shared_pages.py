"""On the shared pages with labels: how often the status of a page is told rightly."""

import collections

import pyarrow.parquet as parquet
import pytest
from extraction_pages import page

from taxocrawl.extraction.html import extract as extract_page
from taxocrawl.extraction.site_status import page_status
from taxocrawl.settings import Settings

pytestmark = [pytest.mark.data, pytest.mark.slow]


def test_false_alarms_among_good_pages_and_bot_checks_found(data, rungs):
    """Labels by a language model (see the data's README); train split, every 24th good page."""
    labels = parquet.read_table(data / "pages/labels.parquet", columns=["page_id", "status"])
    status = {row["page_id"]: row["status"] for row in labels.to_pylist()}
    rows = parquet.read_table(data / "pages/pages.parquet").to_pylist()
    rows = [row for row in rows if row["split"] == "train" and row["page_id"] in status]
    good = [row for row in rows if status[row["page_id"]] == "ok"][::24]
    checks = [row for row in rows if status[row["page_id"]] == "bot_check"]

    def kinds(pages):
        found = collections.Counter()
        for row in pages:
            body = page(
                row["html"], url=row["url"], content_type=f"text/html; charset={row['charset']}"
            )
            hint = page_status(extract_page(body, ladder=rungs, settings=Settings()), Settings())
            found[hint.kind if hint else "ok"] += 1
        return found

    assert kinds(good)["ok"] >= 0.99 * len(good)
    assert kinds(checks)["bot_check"] >= 0.95 * len(checks)
