"""Text in the cells of a CSV file that a spreadsheet may open."""

from typing import Final, TypeVar

Cell = TypeVar("Cell")

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A spreadsheet runs a cell that begins so (FAULTS C17, OWASP "CSV Injection"), and takes the wide
forms for the others where Chinese or Japanese is typed.
"""


def disarmed(cell: Cell) -> Cell | str:
    """The cell as a spreadsheet shows it without running it: texts alone get an apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def rearmed(cell: str) -> str:
    """What `disarmed` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
