"""The file `<store>.lock`: one process writes to a store at a time."""

import fcntl
import os
import time
from pathlib import Path
from typing import Final, Self

from taxocrawl.errors import StoreError, StoreLocked

# A lock of the system belongs to a process, so two writers of one process would not see each other.
_HELD: Final[set[Path]] = set()


class StoreLock:
    """Held from `acquire` to `release`; names process and run for whoever is refused.

    The system drops the lock of a process that dies, so a file left behind by one is taken over.
    """

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(store.name + ".lock").resolve()
        self._handle = -1

    def acquire(self) -> Self:
        """Self; StoreLocked names the process that has it."""
        if self.path in _HELD:
            raise StoreLocked(f"{self._store} is written to by this process ({os.getpid()})")
        while not self._try():
            pass
        _HELD.add(self.path)
        self.write("")
        return self

    def write(self, run_id: str) -> None:
        """Put this process and its run into the file."""
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()} {run_id}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back; does nothing where it is not held."""
        if self._handle < 0:
            return
        self.path.unlink(missing_ok=True)
        os.close(self._handle)
        self._handle = -1
        _HELD.discard(self.path)

    @property
    def _store(self) -> Path:
        return self.path.with_suffix("")

    def _try(self) -> bool:
        """False where the file was replaced between opening and locking it."""
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(f"{self._store} cannot be written to: {error.strerror}") from error
        try:
            # lockf and not flock: a forked worker that outlives us must not keep it.
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = self.path.exists() and os.fstat(handle).st_ino == self.path.stat().st_ino
        except OSError:
            holder = os.pread(handle, 200, 0).decode(errors="replace").split()
            os.close(handle)
            who = f"process {holder[0]}" if holder else "another process"
            run = f", run {holder[1]}" if len(holder) > 1 else ""
            raise StoreLocked(f"{self._store} is being written to by {who}{run}") from None
        if not same:
            os.close(handle)
            time.sleep(0)
            return False
        self._handle = handle
        return True
