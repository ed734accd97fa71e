"""Which SQL of a user may run: one SELECT, every node of its tree on a list of what is allowed.

The settings of DuckDB are the second wall, not the first: with all of them on, settings, paths and
variables can still be read and temporary tables made (FAULTS D13).
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

import duckdb

from taxocrawl.errors import QueryError

SQL_CHARS: Final = 100_000
MACROS: Final = frozenset({"in_category", "why", "iab"})
_TABLE_FUNCTIONS: Final = frozenset(
    {
        *("duckdb_columns", "duckdb_tables", "duckdb_views"),
        *("generate_series", "json_each", "json_tree", "range", "unnest"),
    }
)
"""Apart from the others: behind FROM `histogram` is no aggregate but reads any table it is told."""
_CATALOGUE: Final = frozenset({"tables", "columns", "views"})
"""Of `information_schema`."""

_NODES: Final = frozenset(
    {
        # queries
        "SELECT_NODE",
        "SET_OPERATION_NODE",
        "RECURSIVE_CTE_NODE",
        "CTE_NODE",
        # what stands behind FROM
        "BASE_TABLE",
        "SUBQUERY",
        "JOIN",
        "TABLE_FUNCTION",
        "EXPRESSION_LIST",
        "EMPTY",
        "PIVOT",
        "SHOW_REF",
        # DISTINCT, ORDER BY, LIMIT
        "DISTINCT_MODIFIER",
        "ORDER_MODIFIER",
        "LIMIT_MODIFIER",
        "LIMIT_PERCENT_MODIFIER",
        "ORDER_DEFAULT",
        "ASCENDING",
        "DESCENDING",
    }
)
_EXPRESSIONS: Final = frozenset(
    {
        "BETWEEN",
        "CASE",
        "CAST",
        "COLLATE",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "LAMBDA",
        "LAMBDA_REF",
        "OPERATOR",
        "POSITIONAL_REFERENCE",
        "STAR",
        "SUBQUERY",
        "TYPE",
        "WINDOW",
    }
)

Tree = Mapping[str, Any]


def relations(sql: str) -> tuple[str, ...]:
    """Tables and views that an allowed query reads; QueryError says what is not allowed."""
    if len(sql) > SQL_CHARS:
        raise QueryError(f"the query has {len(sql):,} characters, more than {SQL_CHARS:,}")
    try:
        return tuple(_walk(_tree(sql), frozenset()))
    except RecursionError:
        raise QueryError("the query is nested too deeply") from None


@cache
def functions() -> frozenset[str]:
    """Names of the functions that may be called in an expression."""
    text = resources.files("taxocrawl.store").joinpath("allowed_functions.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset().union(*(line.split() for line in lines))


def table_functions() -> frozenset[str]:
    """Names of the functions that may stand behind FROM."""
    return _TABLE_FUNCTIONS | MACROS


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """An empty database in memory: what parses a statement must not be able to run it."""
    return duckdb.connect(config={"enable_external_access": "false"})


def _tree(sql: str) -> Tree:
    """The one statement as DuckDB's own parser reads it."""
    try:
        found = _parser().execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
    except duckdb.Error as error:
        raise QueryError(str(error).splitlines()[0]) from error
    parsed = json.loads(found[0][0])
    if parsed["error"]:
        message = str(parsed["error_message"])
        if parsed["error_type"] == "not implemented":
            message = "only SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE and SHOW TABLES may run"
        raise QueryError(message)
    statements = parsed["statements"]
    if len(statements) != 1:
        raise QueryError(f"one statement may run at a time, these are {len(statements)}")
    tree: Tree = statements[0]["node"]
    return tree


def _walk(value: object, ctes: frozenset[str]) -> Iterator[str]:
    """The relations below `value`; `ctes` are the names that WITH has defined around it."""
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, ctes)
    if not isinstance(value, dict):
        return
    _check_kind(value)
    for cte in value.get("cte_map", {}).get("map", ()):
        name = str(cte["key"]).lower()
        # Only a recursive one sees itself; another of that name would be somebody else's table.
        recursive = cte["value"]["query_node"]["type"] == "RECURSIVE_CTE_NODE"
        yield from _walk(cte["value"], ctes | {name} if recursive else ctes)
        ctes |= {name}
    if value.get("type") == "BASE_TABLE":
        yield from _relation(value, ctes)
    if value.get("type") == "TABLE_FUNCTION":
        _check_function(value["function"], table_functions())
        value = value | {"function": value["function"]["arguments"]}
    for key, child in value.items():
        if key != "cte_map":
            yield from _walk(child, ctes)


def _check_kind(node: Tree) -> None:
    """QueryError where the node, or the function it calls, is on no list."""
    kind, expression = node.get("type"), node.get("class")
    if expression == "PARAMETER":
        raise QueryError("the query has a parameter and there is no value for it")
    if expression is not None and expression not in _EXPRESSIONS:
        raise QueryError(f"{_said(expression)} may not be used")
    # A constant's `type` is a mapping: the type of its value.
    if expression is None and isinstance(kind, str) and kind not in _NODES:
        raise QueryError(f"{_said(kind)} may not be used; a query may only read")
    if kind == "SHOW_REF" and node["query"] is None and node["table_name"] != '"tables"':
        raise QueryError("of SHOW only SHOW TABLES may be used")
    if node.get("at_clause"):
        raise QueryError("AT may not be used")
    if node.get("function_name"):
        _check_function(node, functions())


def _check_function(node: Tree, names: frozenset[str]) -> None:
    name = str(node["function_name"])
    if node.get("catalog") or node.get("schema") not in ("", "main"):
        raise QueryError(f"function {name} may not be named with a schema")
    if name not in names and name.lower() not in names:
        raise QueryError(f"function {name} may not be used; a query may only read the store")


def _relation(node: Tree, ctes: frozenset[str]) -> Iterator[str]:
    schema, name = str(node["schema_name"]).lower(), str(node["table_name"])
    if node["catalog_name"]:
        raise QueryError(f"{node['catalog_name']}.{name}: name tables without their database")
    if schema == "information_schema" and name.lower() in _CATALOGUE:
        return
    if schema not in ("", "main"):
        raise QueryError(f"{schema}.{name} may not be read")
    if schema or name.lower() not in ctes:
        yield name


def _said(kind: str) -> str:
    """`INSERT_QUERY_NODE` as people say it."""
    return kind.removesuffix("_NODE").removesuffix("_QUERY").replace("_", " ")
