"""A store as files for other programs: all that was asked for, in bounded memory.

Sites are read in the order of their names, some thousands at a time, and written as they come: the
same store gives the same file. One query for all would not do: at 200,000 sites DuckDB needed more
than 1 GB for it.
"""

import csv
import difflib
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

import duckdb
import pyarrow.parquet as pq

from taxocrawl.errors import InputError
from taxocrawl.store.csv_cells import disarmed
from taxocrawl.store.migration import unreadable
from taxocrawl.store.opening import connect

Format = Literal["jsonl", "csv", "parquet", "openrtb", "blocklist"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

WAIT_S: Final = 10.0
ROWS_AT_ONCE: Final = 2_000
SITES_AT_ONCE: Final = 10_000
WORDS_SHOWN: Final = 10
MEMORY: Final = "1GB"
"""Of DuckDB."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is exported.

    `taxonomy` keeps its categories only, taken by crosswalk where no classifier answered in it; of
    `categories` (names, paths or ids) a site must have one, or one below it; a category counts from
    `min_confidence` up. A site with one of `risks`, from `min_risk` up, will do too.
    """

    taxonomy: str = ""
    categories: tuple[str, ...] = ()
    min_confidence: float = 0.0
    risks: tuple[str, ...] = ()
    min_risk: float = 0.0


class Export:
    """One reading of a store; use as a context manager.

    StoreError where it cannot be read, InputError where the selection names what it does not know.
    """

    def __init__(self, path: Path, selection: Selection) -> None:
        self._path = path
        self._selection = selection
        self._store = connect(path, read_only=True, wait_s=WAIT_S, config={"memory_limit": MEMORY})
        try:
            self._nodes = self._chosen_nodes()
        except BaseException:
            self._store.close()
            raise

    def __enter__(self) -> "Export":
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def csv(self, *, raw: bool = False) -> Iterator[str]:
        """Lines of CSV (RFC 4180), the header first: one row a site and category.

        Cells that a spreadsheet would run are disarmed by a leading apostrophe unless `raw`.
        """
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow(_COLUMNS)
        for row in self._rows():
            cells = (row[name] for name in _COLUMNS)
            writer.writerow(cells if raw else map(disarmed, cells))
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
        yield buffer.getvalue()

    def jsonl(self) -> Iterator[str]:
        """One JSON object a site, with the keys of an answer of `classify`."""
        words = _Beside(self._in_ranges(_WORDS))
        tags = _Beside(self._in_ranges(_TAGS))
        for domain, rows in self._sites():
            answer = _answer(rows, words.of(domain), tags.of(domain))
            yield json.dumps(answer, ensure_ascii=False) + "\n"

    def openrtb(self) -> Iterator[str]:
        """One JSON object a site and code of `cattax`: `{"site": {"domain", "cat", "cattax"}}`."""
        for domain, rows in self._sites():
            for coded in _openrtb(rows):
                yield json.dumps({"site": {"domain": domain, **coded}}) + "\n"

    def blocklist(self) -> Iterator[str]:
        """One domain a line."""
        for domain, _ in self._sites():
            yield domain + "\n"

    def write_parquet(self, path: Path) -> int:
        """Write the rows of `csv` with their types; the number of rows."""
        columns = ", ".join(_COLUMNS)
        query = f"SELECT {columns} FROM ({self._sql()})"  # noqa: S608 - our own names
        n_rows = 0
        with self._reading(), ExitStack() as stack:
            writer = None
            for bounds in self._ranges():
                cursor = stack.enter_context(self._store.cursor())
                rows = cursor.sql(query, params=self._values() | bounds).to_arrow_table()
                if writer is None:
                    made = pq.ParquetWriter(path, rows.schema, compression="zstd")
                    writer = stack.enter_context(made)
                writer.write_table(rows)
                n_rows += rows.num_rows
        return n_rows

    def _sites(self) -> Iterator[tuple[str, list[Row]]]:
        """(domain, its rows), one row at least."""
        for domain, rows in itertools.groupby(self._rows(), key=lambda row: row["domain"]):
            yield str(domain), list(rows)

    def _rows(self) -> Iterator[Row]:
        return self._in_ranges(self._sql(), self._values())

    def _in_ranges(self, sql: str, values: Mapping[str, object] | None = None) -> Iterator[Row]:
        for bounds in self._ranges():
            yield from self._stream(sql, {**(values or {}), **bounds})

    def _ranges(self) -> Iterator[dict[str, str]]:
        """Bounds between which SITES_AT_ONCE domains lie, one range at least."""
        after = ""
        for row in list(self._stream(_LAST_OF_EACH, {"n": SITES_AT_ONCE})) or [{"domain": ""}]:
            yield {"after": after, "upto": row["domain"]}
            after = row["domain"]

    def _stream(self, sql: str, values: Mapping[str, object] | None = None) -> Iterator[Row]:
        with self._reading():
            # A cursor of its own: a connection has one open result only.
            cursor = self._store.cursor()
            result = cursor.execute(sql, values or {})
            names = [column[0] for column in result.description or ()]
            while rows := result.fetchmany(ROWS_AT_ONCE):
                for row in rows:
                    yield dict(zip(names, row, strict=True))

    def _sql(self) -> str:
        chosen = _IN_TAXONOMY if self._selection.taxonomy else _IN_ALL
        kept = _KEPT if self._selection.categories or self._selection.risks else ""
        return f"WITH answers AS ({chosen}), {_CHOSEN} {_ROWS} {kept} {_ORDER}"

    def _values(self) -> dict[str, object]:
        values: dict[str, object] = {"least": self._selection.min_confidence}
        if self._selection.taxonomy:
            values["taxonomy"] = self._selection.taxonomy
        if self._selection.categories or self._selection.risks:
            values["nodes"] = self._nodes
            values["risks"] = list(self._selection.risks)
            values["least_risk"] = self._selection.min_risk
        return values

    def _chosen_nodes(self) -> list[str]:
        """`taxonomy/id` of every node in the chosen categories."""
        taxonomy = self._selection.taxonomy
        with self._reading():
            known = [row["taxonomy"] for row in self._stream(_TAXONOMIES)]
            if taxonomy and taxonomy not in known:
                raise InputError(_unknown("taxonomy", taxonomy, known, self._path))
            found: list[str] = []
            for category in self._selection.categories:
                values = {"category": category, "taxonomy": taxonomy}
                nodes = [row["node"] for row in self._stream(_WITHIN, values)]
                if not nodes:
                    names = [r["name"] for r in self._stream(_NAMES, {"taxonomy": taxonomy})]
                    raise InputError(_unknown("category", category, names, self._path))
                found += nodes
        return found

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise unreadable(self._path, self._store, error) from error


class _Beside:
    """Rows that stand beside sites, read along with them; both in the order of domains."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._groups = itertools.groupby(rows, key=lambda row: str(row["domain"]))
        self._domain, self._rows = "", list[Row]()
        self._more = True

    def of(self, domain: str) -> list[Row]:
        """The rows of a domain; domains must be asked for in order."""
        while self._more and self._domain < domain:
            group = next(self._groups, None)
            self._more = group is not None
            self._domain, self._rows = (group[0], list(group[1])) if group else ("", [])
        return self._rows if self._domain == domain else []


def _answer(rows: Sequence[Row], words: Sequence[Row], tags: Sequence[Row]) -> dict[str, object]:
    site, categories = rows[0], [row for row in rows if row["node_id"] is not None]
    coded = _openrtb(rows)
    answer: dict[str, object] = {
        "id": site["domain"],
        "domain": site["domain"],
        "url": site["url"] or "",
        "outcome": site["outcome"],
        "detail": site["detail"] or "",
        "language": site["language"] or "",
        "form": site["form"],
        "form_confidence": _rounded(site["form_confidence"]),
        "form_vector_id": site["form_vector_id"],
        "risk": [
            {**risk, "confidence": round(risk["confidence"], 4)} for risk in site["risks"] or ()
        ],
        "categories": [_category(row) for row in categories],
        "words": _words(categories, words),
        "tags": [{"text": row["tag"], "relevance": row["relevance"]} for row in tags],
        "openrtb": coded[0] if coded else None,
        "classifier": categories[0]["decided_by"] if categories else None,
        "run_id": site["run_id"],
        "fetched_at": _iso(site["fetched_at"]),
    }
    return answer


def _category(row: Row) -> dict[str, object]:
    shown = {
        "taxonomy": row["taxonomy"],
        "id": row["node_id"],
        "name": row["name"],
        "path": row["path"],
        "tier": row["tier"],
        "confidence": round(row["confidence"], 4),
        "parent_id": row["parent_id"],
        "decided_by": row["decided_by"],
    }
    return shown | ({"relation": row["relation"]} if row["relation"] else {})


def _words(categories: Sequence[Row], words: Sequence[Row]) -> list[dict[str, object]]:
    """The words that weigh most for the first category that has any."""
    by_node: dict[tuple[str, str], list[Row]] = {}
    for row in words:
        by_node.setdefault((row["taxonomy"], row["node_id"]), []).append(row)
    own = (by_node.get((c["taxonomy"], c["node_id"])) for c in categories)
    found = next((rows for rows in own if rows), [])
    return [{"text": row["name"], "weight": round(row["weight"], 4)} for row in found[:WORDS_SHOWN]]


def _openrtb(rows: Sequence[Row]) -> list[dict[str, object]]:
    """`cat` and `cattax` of each taxonomy that has a code: its deepest categories, surest first."""
    by_code: dict[int, list[Row]] = {}
    for row in rows:
        if row["cattax"] is not None:
            by_code.setdefault(row["cattax"], []).append(row)
    coded: list[dict[str, object]] = []
    for cattax, own in by_code.items():
        above = {row["parent_id"] for row in own}
        deepest = [row for row in own if row["node_id"] not in above]
        deepest.sort(key=lambda row: (-row["confidence"], row["node_id"]))
        coded.append({"cat": [row["node_id"] for row in deepest], "cattax": cattax})
    return coded


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def _iso(moment: datetime | None) -> str | None:
    """Times of the store are UTC."""
    return f"{moment.isoformat()}Z" if moment else None


def _unknown(what: str, name: str, known: Sequence[str], path: Path) -> str:
    by_folded = {word.casefold(): word for word in known}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    hint = f"; did you mean {by_folded[near[0]]!r}?" if near else ""
    return f"{path} holds no {what} {name!r}{hint}"


_COLUMNS: Final = (
    *("domain", "url", "outcome", "detail", "language"),
    *("taxonomy", "node_id", "name", "path", "tier", "confidence", "rank", "decided_by"),
    *("relation", "run_id", "fetched_at"),
)
_LAST_OF_EACH: Final = """
    SELECT max(domain) AS domain
    FROM (
        SELECT domain, row_number() OVER (ORDER BY domain) AS place
        FROM (SELECT domain FROM newest_sites UNION SELECT domain FROM labels)
    )
    GROUP BY (place - 1) // $n
    ORDER BY domain
"""
_IN_ALL: Final = """
    SELECT * FROM site_categories WHERE domain > $after AND domain <= $upto
"""
# As the macro `iab` does for one site: a taxonomy that was answered in speaks for itself.
_IN_TAXONOMY: Final = f"""
    SELECT * FROM ({_IN_ALL}) WHERE taxonomy = $taxonomy
    UNION ALL
    SELECT
        given.domain, ways.to_taxonomy, ways.to_id, nodes.name, nodes.path, nodes.tier,
        nodes.parent_id, max(given.confidence), min(given.rank),
        arg_max(given.decided_by, given.confidence), any_value(given.run_id),
        arg_max(ways.relation, given.confidence)
    FROM ({_IN_ALL}) AS given
    JOIN crosswalks AS ways
        ON ways.from_taxonomy = given.taxonomy AND ways.from_id = given.node_id
        AND ways.to_taxonomy = $taxonomy AND ways.rank = 1
    JOIN nodes ON nodes.taxonomy = ways.to_taxonomy AND nodes.node_id = ways.to_id
    ANTI JOIN (SELECT domain FROM ({_IN_ALL}) WHERE taxonomy = $taxonomy) AS own
        ON own.domain = given.domain
    GROUP BY
        given.domain, ways.to_taxonomy, ways.to_id, nodes.name, nodes.path, nodes.tier,
        nodes.parent_id
"""  # noqa: S608 - our own text
_CHOSEN: Final = """
    chosen AS (
        SELECT answers.*, codes.cattax
        FROM answers
        LEFT JOIN (
            SELECT taxonomy, any_value(cattax) AS cattax FROM taxonomies GROUP BY taxonomy
        ) AS codes ON codes.taxonomy = answers.taxonomy
        WHERE answers.confidence >= $least
    )
"""
_ROWS: Final = """
    SELECT
        coalesce(sites.domain, chosen.domain) AS domain,
        sites.final_url AS url, sites.outcome, sites.detail, sites.language, sites.form,
        sites.form_confidence, sites.form_vector_id, risky.risks,
        chosen.taxonomy, chosen.node_id, chosen.name, chosen.path, chosen.tier, chosen.parent_id,
        chosen.confidence, chosen.rank, chosen.decided_by, chosen.relation, chosen.cattax,
        coalesce(sites.run_id, chosen.run_id) AS run_id, sites.started_at AS fetched_at
    FROM (SELECT * FROM newest_sites WHERE domain > $after AND domain <= $upto) AS sites
    FULL JOIN chosen ON chosen.domain = sites.domain
    LEFT JOIN (
        SELECT run_id, domain, list(
            {'topic': topic, 'confidence': confidence, 'reasons': reasons}
            ORDER BY confidence DESC, topic
        ) AS risks
        FROM risks
        WHERE domain > $after AND domain <= $upto
        GROUP BY run_id, domain
    ) AS risky ON risky.run_id = sites.run_id AND risky.domain = sites.domain
"""
_KEPT: Final = """
    WHERE coalesce(sites.domain, chosen.domain) IN (
        SELECT domain FROM chosen
        WHERE taxonomy || '/' || node_id IN (SELECT unnest($nodes))
        UNION ALL
        SELECT domain FROM risky
        WHERE domain > $after AND domain <= $upto
            AND topic IN (SELECT unnest($risks)) AND confidence >= $least_risk
    )
"""
# The taxonomy that was asked for first has no mark in the store; newer versions go first.
_ORDER: Final = """
    ORDER BY domain, chosen.cattax DESC NULLS LAST, chosen.taxonomy, chosen.rank NULLS LAST,
        chosen.tier DESC, chosen.node_id
"""
_WORDS: Final = """
    SELECT domain, taxonomy, node_id, name, weight
    FROM attributions
    SEMI JOIN newest_sites AS sites
        ON sites.run_id = attributions.run_id AND sites.domain = attributions.domain
    WHERE domain > $after AND domain <= $upto
        AND method = 'words' AND kind IN ('word', 'phrase')
    ORDER BY domain, taxonomy, node_id, abs(weight) DESC, name
"""
_TAGS: Final = """
    SELECT domain, tag, relevance
    FROM tags
    SEMI JOIN newest_sites AS sites ON sites.run_id = tags.run_id AND sites.domain = tags.domain
    WHERE domain > $after AND domain <= $upto AND url IS NULL
    ORDER BY domain, relevance DESC, tag
"""
_TAXONOMIES: Final = "SELECT DISTINCT taxonomy FROM taxonomies ORDER BY taxonomy"
_NAMES: Final = """
    SELECT DISTINCT name FROM nodes WHERE $taxonomy = '' OR taxonomy = $taxonomy ORDER BY name
"""
_WITHIN: Final = """
    SELECT DISTINCT below.taxonomy || '/' || below.node_id AS node
    FROM nodes AS wanted
    JOIN nodes AS below
        ON below.taxonomy = wanted.taxonomy AND list_contains(below.path_ids, wanted.node_id)
    WHERE ($taxonomy = '' OR wanted.taxonomy = $taxonomy) AND (
        wanted.node_id = $category OR lower(wanted.name) = lower($category)
        OR lower(wanted.path) = lower($category)
    )
"""
