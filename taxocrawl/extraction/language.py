"""Language of a text."""

from collections.abc import Sequence


def detect(text: str) -> str:
    """ISO 639-1 code of the text's language, or '' when it cannot be told."""
    return ""


def detect_page(text: str, labels: Sequence[str], *, declared: str) -> tuple[str, bool]:
    """Language of a page and whether it is written in two."""
    return declared[:2].lower(), False
