"""A store for people who analyse: tables and views as relations of DuckDB."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

import duckdb

from taxocrawl.errors import QueryError
from taxocrawl.store.migration import other_schema
from taxocrawl.store.opening import connect
from taxocrawl.store.reader import WAIT_S

RUNS_SHOWN: Final = 5

_RUNS: Final = """
    SELECT run_id, started_at, state, outcome, n
    FROM runs LEFT JOIN outcomes USING (run_id)
    QUALIFY dense_rank() OVER (ORDER BY sequence DESC) <= ?
    ORDER BY sequence DESC, n DESC, outcome
"""


class Why:
    """The answer of `Store.why`: all that a `duckdb.DuckDBPyRelation` can (`.df()`, `.pl()`,
    `.filter(...)`), and a page in a notebook.
    """

    def __init__(
        self, relation: duckdb.DuckDBPyRelation, as_html: Callable[[], str | None] | None = None
    ) -> None:
        self.relation = relation
        self._as_html = as_html

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # what copy and pickle ask for is no business of the relation
            raise AttributeError(name)
        return getattr(self.relation, name)

    def __len__(self) -> int:
        return len(self.relation)

    def __repr__(self) -> str:
        return repr(self.relation)

    def _repr_html_(self) -> str | None:
        return self._as_html() if self._as_html else None


class Store:
    """A store file, opened for reading.

    Each attribute and each `sql` asks anew and gives a `duckdb.DuckDBPyRelation` over the answer:
    `.df()` is a pandas DataFrame, `.pl()` a polars one, `.arrow()` an Arrow reader. The answer is
    read at once and the file closed again, so that a crawl can write at any time; of large tables
    (pages, predictions) ask with `sql` for what you need.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        wait_s: float = WAIT_S,
        reasons_as_html: Callable[[Path, str], str | None] | None = None,
    ) -> None:
        self.path = Path(path)
        self._wait_s = wait_s
        self._reasons_as_html = reasons_as_html
        self._memory = duckdb.connect()
        self.sql("SELECT 1 FROM runs LIMIT 1")  # says at once what is wrong with the file

    @property
    def sites(self) -> duckdb.DuckDBPyRelation:
        """View `newest_sites`: one row a site, as the newest run found it."""
        return self.sql("SELECT * FROM newest_sites ORDER BY domain")

    @property
    def categories(self) -> duckdb.DuckDBPyRelation:
        """View `site_categories`: one row a site and category, those above included."""
        return self.sql("SELECT * FROM site_categories ORDER BY domain, taxonomy, tier, path")

    @property
    def words(self) -> duckdb.DuckDBPyRelation:
        """View `category_words`: words for and against each category, over all sites."""
        return self.sql("SELECT * FROM category_words ORDER BY path, method, total_weight DESC")

    @property
    def runs(self) -> duckdb.DuckDBPyRelation:
        """Table `runs`, newest first."""
        return self.sql("SELECT * FROM runs ORDER BY sequence DESC")

    def why(self, domain: str) -> "Why":
        """Macro `why`: how a site ended, its categories and the evidence for each.

        A relation like the others; a notebook shows it as a page of bars and marked words.
        """
        relation = self.sql("SELECT * FROM why($domain)", {"domain": domain})
        draw = self._reasons_as_html
        return Why(relation, (lambda: draw(self.path, domain)) if draw else None)

    def sql(
        self, query: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> duckdb.DuckDBPyRelation:
        """The answer to a SELECT; `values` stand for its `?` or `$name`.

        QueryError says what is wrong with the query. The file cannot be changed, but unlike in
        `taxocrawl sql` the query is yours: it may read other files.
        """
        given: Any = dict(values) if isinstance(values, Mapping) else list(values)
        with connect(self.path, read_only=True, wait_s=self._wait_s) as connection:
            try:
                relation = connection.sql(query, params=given or None)
                table = None if relation is None else relation.to_arrow_table()
            except duckdb.Error as error:
                older = other_schema(self.path, connection)
                raise QueryError(f"{error}\n{older}" if older else str(error)) from error
        if table is None:
            raise QueryError("the query gives no rows; only SELECT does")
        return self._memory.from_arrow(table)

    def __repr__(self) -> str:
        return f"taxocrawl.open({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """Name of the file, and how the newest runs ended."""
        rows = self.sql(_RUNS, [RUNS_SHOWN]).fetchall()
        cells = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        names = ("run", "started", "state", "outcome", "sites")
        head = "".join(f"<th>{name}</th>" for name in names)
        return (
            f"<p><b>{escape(str(self.path))}</b></p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
