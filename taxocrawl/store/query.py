"""A user's SQL, run where it can do no harm: read-only, without files or network, killable."""

import base64
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from taxocrawl.errors import QueryError, StoreError, StoreLocked

TIMEOUT_S: Final = 30.0
MAX_ROWS: Final = 10_000
MEMORY_MIB: Final = 1024
WAIT_S: Final = 10.0
"""How long a store that a crawl writes to is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """Rows as Python values; `types` are DuckDB's names; `truncated`: there were more rows."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


def run_sql(
    path: Path, sql: str, *, timeout_s: float = TIMEOUT_S, max_rows: int = MAX_ROWS
) -> QueryResult:
    """The answer of a store to one SELECT.

    QueryError says why a statement is refused or failed, StoreError what is wrong with the store.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no such store")
    request = {
        "path": str(path.resolve()),
        "sql": sql,
        "max_rows": max_rows,
        "timeout_s": timeout_s,
        "wait_s": min(WAIT_S, timeout_s),
        "memory_mib": MEMORY_MIB,
    }
    return _result(_ask(json.dumps(request).encode("ascii"), timeout_s))


def _ask(request: bytes, timeout_s: float) -> list[bytes]:
    """Lines that the sandbox wrote; it is dead when this returns or raises."""
    # A process of our own and not multiprocessing: that would import the caller's main module.
    command = [sys.executable, "-P", "-m", "taxocrawl.store.sandbox"]
    # glibc sets 64 MiB of addresses aside for each thread, which a limit on addresses counts: a
    # plain cross join then died of SIGSEGV in 2 of 6 runs (1.2 GB of addresses, 0.28 GB with this).
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    with subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        try:
            out, talk = process.communicate(request, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise QueryError(f"the query took longer than {timeout_s:g} s and was ended") from None
        finally:
            process.kill()
    lines = out.splitlines()
    if not lines or not lines[-1].startswith(b'{"end"'):
        last = talk.decode(errors="replace").strip().splitlines()[-1:]
        reason = f": {last[0]}" if last else ""
        raise QueryError(
            f"the query brought its process down ({process.returncode}){reason}; it may need too "
            "much memory"
        )
    return lines


def _result(lines: list[bytes]) -> QueryResult:
    end = json.loads(lines[-1])["end"]
    kinds: Mapping[str, type[StoreError]] = {"busy": StoreLocked, "store": StoreError}
    if "error" in end:
        raise kinds.get(end["error"], QueryError)(end["message"])
    head = json.loads(lines[0])
    return QueryResult(
        columns=tuple(head["columns"]),
        types=tuple(head["types"]),
        rows=tuple(tuple(json.loads(line, object_hook=_untagged)) for line in lines[1:-1]),
        truncated=end["truncated"],
    )


_READ_BACK: Final[Mapping[str, Callable[[Any], object]]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda value: timedelta(microseconds=value),
    "Decimal": Decimal,
    "UUID": uuid.UUID,
    "bytes": base64.b64decode,
}


def _untagged(value: dict[str, Any]) -> object:
    if value.keys() != {"$type", "value"}:
        return value
    read = _READ_BACK.get(value["$type"])
    return read(value["value"]) if read else value
