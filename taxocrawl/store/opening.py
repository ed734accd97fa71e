"""Connections to a store's file, and what DuckDB's refusals mean.

While one process has the file open for writing no other can open it, and readers keep a writer out
(FACTS 6.1). So nobody here holds a connection for longer than one question or one flush.
"""

import re
import time
from pathlib import Path
from typing import Final

import duckdb

from taxocrawl.errors import StoreError, StoreLocked

# Files of this format are read by the command-line shells 1.4 and 1.5 too; DuckDB 2.0 would write
# its own format otherwise, which they refuse (FACTS 6.3).
STORAGE: Final = "v1.4.0"
PAUSE_S: Final = 0.02
_HOLDER = re.compile(r"Conflicting lock is held in (.*?)(?: \(PID (\d+)\)| by )")
_CONFIG: Final = {
    # Nothing is ever fetched from the network: all that we use is built in.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class StoreBusy(StoreLocked):
    """Somebody has the file open for the moment; trying again helps."""


class WalError(StoreError):
    """What a process wrote last before it died cannot be read; the file itself may be sound."""


def connect(
    path: Path,
    *,
    read_only: bool,
    wait_s: float = 0.0,
    config: dict[str, str] | None = None,
) -> duckdb.DuckDBPyConnection:
    """An open connection; tries again for `wait_s` while the file is held.

    StoreBusy names the holder where DuckDB says who it is, StoreError says what is wrong with the
    file.
    """
    if read_only and not path.is_file():
        raise StoreError(f"{path}: no such store")
    options: dict[str, str | bool | int | float | list[str]] = {**_CONFIG, **(config or {})}
    if not read_only:
        # A flush is small; a thread a core, started anew each time, would cost more than it gives.
        options |= {"storage_compatibility_version": STORAGE, "threads": "2"}
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=options)
        except duckdb.Error as error:
            refusal = _refusal(path, error)
        if not isinstance(refusal, StoreBusy) or time.monotonic() >= deadline:
            raise refusal
        time.sleep(PAUSE_S)


def _refusal(path: Path, error: duckdb.Error) -> StoreError:
    text = str(error)
    # The second is what a connection of this very process gives.
    if "Could not set lock" in text or "different configuration" in text:
        holder = _HOLDER.search(text)
        by = f" by process {holder[2]} ({holder[1]})" if holder and holder[2] else ""
        return StoreBusy(f"{path} is in use{by}; close it there or try again")
    first = text.splitlines()[0]
    if "replaying WAL" in text:
        return WalError(f"{path} was cut off while it was written: {first}")
    return StoreError(f"{path} cannot be opened as a store: {first}")
