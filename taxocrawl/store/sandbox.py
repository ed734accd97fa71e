"""The process in which a user's SQL runs, and which may be killed: `python -m` this module.

Standard input: one JSON request. Standard output: a JSON line with columns and types, one line a
row, and a last line that says how it ended. `query.run_sql` is the other end.
"""

import base64
import difflib
import json
import re
import resource
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TextIO

import duckdb

from taxocrawl.errors import QueryError, StoreError
from taxocrawl.store import allowed
from taxocrawl.store.migration import other_schema
from taxocrawl.store.opening import StoreBusy, connect

ANSWER_BYTES: Final = 64 * 2**20
ROWS_AT_ONCE: Final = 500
_SHARE_OF_MEMORY: Final = 0.75
"""DuckDB's own limit, of the process's: it does not count everything (FAULTS D14)."""
# In this order: once external access is off, the folder for spilled rows can no longer be changed.
_LOCKED: Final = (
    "SET temp_directory = ''",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
_MISSING_COLUMN = re.compile(
    r'(?:Referenced column "(?P<column>[^"]+)" not found|does not have a column named '
    r'"(?P<other>[^"]+)")'
)
_CANDIDATE = re.compile(r'Candidate bindings: "(?P<name>[^"]+)"')


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    _limit(request["memory_mib"], request["timeout_s"])
    out = sys.stdout
    try:
        for line in answer(request):
            out.write(line + "\n")
    except StoreBusy as error:
        _end(out, error="busy", message=str(error))
    except QueryError as error:
        _end(out, error="query", message=str(error))
    except StoreError as error:
        _end(out, error="store", message=str(error))
    except MemoryError:
        _end(out, error="query", message=_TOO_MUCH)
    out.flush()


def answer(request: dict[str, Any]) -> Iterator[str]:
    """Lines of the answer; QueryError where the SQL is refused or fails."""
    path, sql = Path(request["path"]), str(request["sql"])
    # Refused statements never open the store.
    wanted = allowed.relations(sql)
    memory = int(request["memory_mib"] * _SHARE_OF_MEMORY)
    config = {
        "memory_limit": f"{memory}MiB",
        "threads": "2",
        "python_enable_replacements": "false",
    }
    with connect(path, read_only=True, wait_s=request["wait_s"], config=config) as store:
        for statement in _LOCKED:
            store.execute(statement)
        _check_relations(store, wanted, path)
        try:
            result = store.execute(sql)
            yield from _lines(result, request["max_rows"])
        except (duckdb.OutOfMemoryException, MemoryError) as error:
            raise QueryError(_TOO_MUCH) from error
        except duckdb.Error as error:
            raise QueryError(_explained(str(error), path) + _other_schema(store, path)) from error


_TOO_MUCH: Final = "the query needs too much memory; ask for less at once"


def _check_relations(store: duckdb.DuckDBPyConnection, wanted: Sequence[str], path: Path) -> None:
    found = store.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT internal "
        "UNION ALL SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal"
    ).fetchall()
    known = {str(name).lower() for (name,) in found}
    for name in wanted:
        if name.lower() not in known:
            near = difflib.get_close_matches(name.lower(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
            raise QueryError(f"there is no table {name!r}; {hint}{_other_schema(store, path)}")


def _other_schema(store: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Words to add where the store's schema is another: what the docs name may not be there."""
    said = other_schema(Path(path.name), store)  # no folder is told
    return f"; {said}" if said else ""


def _lines(result: duckdb.DuckDBPyConnection, max_rows: int) -> Iterator[str]:
    description = result.description or []
    names = [str(column[0]) for column in description]
    yield json.dumps({"columns": names, "types": [str(column[1]) for column in description]})
    room, left = ANSWER_BYTES, max_rows
    while True:
        # One more than is wanted tells whether there are more.
        rows = result.fetchmany(min(ROWS_AT_ONCE, left + 1))
        for row in rows[:left]:
            line = json.dumps(row, default=tagged, ensure_ascii=True)
            room -= len(line)
            if room < 0:
                yield _ended(truncated=True)
                return
            yield line
        if len(rows) > left or not rows:
            yield _ended(truncated=len(rows) > left)
            return
        left -= len(rows)


def _ended(**said: object) -> str:
    return json.dumps({"end": said})


def _end(out: TextIO, **said: object) -> None:
    out.write(_ended(**said) + "\n")


def tagged(value: object) -> object:
    """A value that JSON lacks, with the name of its type; `query` reads it back."""
    match value:
        case datetime() | date() | time():
            return {"$type": type(value).__name__, "value": value.isoformat()}
        case timedelta():
            return {"$type": "timedelta", "value": value // timedelta(microseconds=1)}
        case Decimal() | uuid.UUID():
            return {"$type": type(value).__name__, "value": str(value)}
        case bytes():
            return {"$type": "bytes", "value": base64.b64encode(value).decode()}
        case _:
            return str(value)


def _explained(message: str, path: Path) -> str:
    """DuckDB's message without paths, and for an unknown column the nearest that there is."""
    missing = _MISSING_COLUMN.search(message)
    if missing:
        name = missing["column"] or missing["other"]
        near = _CANDIDATE.search(message)
        return f"there is no column {name!r}" + (f"; did you mean {near['name']}?" if near else "")
    text = message.splitlines()[0].replace(str(path.resolve()), path.name)
    return text.replace(str(path), path.name)


def _limit(memory_mib: int, timeout_s: float) -> None:
    """Bound what the process may take, should nobody be left to kill it."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if _LINUX else 0
    used = pages * resource.getpagesize()
    if used:
        resource.setrlimit(resource.RLIMIT_AS, (used + memory_mib * 2**20,) * 2)
    with suppress(ValueError, OSError):
        cpu_s = int(timeout_s * 4) + 5
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


_LINUX: Final = sys.platform == "linux"

if __name__ == "__main__":
    main()
