"""Language of a text."""


def detect(text: str) -> str:
    """ISO 639-1 code of the text's language, or '' when it cannot be told."""
    return ""
