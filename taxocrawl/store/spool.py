"""The journal of a store: finished batches as Arrow files beside it, until they are in it.

A batch is on disk before the store is touched, so neither a killed process nor a reader that holds
the store costs a site (FAULTS D01, D02).
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

_LOG = logging.getLogger(__name__)
_SUFFIX: Final = ".arrow"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run ended; `finished_at` UTC, ISO 8601."""

    state: str
    finished_at: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Finished lines of one run, one row each (see `rows.BATCH`), and perhaps the run's end."""

    run_id: str
    rows: pa.Table
    end: RunEnd | None = None


class Spool:
    """The folder `<store>.spool`, read and written by the one process that holds the lock."""

    def __init__(self, store: Path) -> None:
        self.folder = store.with_name(store.name + ".spool")
        # What stands under another name is the rest of a write that was cut short; its sites were
        # never acknowledged.
        for torn in self.folder.glob("*.part"):
            torn.unlink()
        self._next = max((int(path.stem) for path in self.pending()), default=0) + 1

    def pending(self) -> list[Path]:
        """Files not yet in the store, oldest first."""
        return sorted(
            path
            for path in self.folder.glob(f"*{_SUFFIX}")
            if path.stem.isascii() and path.stem.isdigit()
        )

    def append(self, batch: Batch) -> Path:
        """The batch's file, on disk for good when this returns."""
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"{self._next:010d}{_SUFFIX}"
        self._next += 1
        metadata = {"run_id": batch.run_id}
        if batch.end:
            metadata |= {
                "state": batch.end.state,
                "finished_at": batch.end.finished_at,
                "seconds": repr(batch.end.seconds),
            }
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            rows = batch.rows.replace_schema_metadata(metadata)
            with pa.ipc.new_file(file, rows.schema) as writer:
                writer.write_table(rows)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        _sync_folder(self.folder)
        return path

    def read(self, path: Path) -> Batch | None:
        """The batch in a file; None where the file is damaged, which is then set aside."""
        try:
            with pa.OSFile(str(path)) as file:
                rows = pa.ipc.open_file(file).read_all()
            metadata = {k.decode(): v.decode() for k, v in (rows.schema.metadata or {}).items()}
            run_id = metadata["run_id"]
        except (pa.ArrowInvalid, OSError, KeyError, UnicodeDecodeError) as error:
            aside = path.with_suffix(".bad")
            path.rename(aside)
            _LOG.warning("%s is damaged and was set aside as %s: %s", path, aside.name, error)
            return None
        end = None
        if "state" in metadata:
            end = RunEnd(
                state=metadata["state"],
                finished_at=metadata["finished_at"],
                seconds=float(metadata["seconds"]),
            )
        return Batch(run_id=run_id, rows=rows, end=end)

    def remove(self, path: Path) -> None:
        """Forget a batch that is in the store; the folder goes with the last one."""
        path.unlink()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
