"""What a mistyped path may have meant."""

import difflib
from pathlib import Path


def near_path(path: str | Path) -> str:
    """`; did you mean sites.duckdb?`, or '' where nothing beside the path is called alike."""
    wanted = Path(path)
    if wanted.parent.is_file():
        return f"; {wanted.parent} is no folder"
    if not wanted.parent.is_dir():
        return near_path(wanted.parent) or f"; there is no folder {wanted.parent}"
    try:
        names = [entry.name for entry in wanted.parent.iterdir()]
    except OSError:
        return ""
    by_folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(wanted.name.casefold(), by_folded, n=1)
    if not near:
        return ""
    return f"; did you mean {wanted.parent / by_folded[near[0]]}?"
