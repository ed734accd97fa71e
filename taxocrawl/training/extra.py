"""Whether what only the extra `train` installs is there."""

from importlib.util import find_spec

from taxocrawl.errors import SettingsError


def needs(library: str, what: str) -> None:
    """SettingsError with the cure where the library is missing."""
    if find_spec(library) is None:
        raise SettingsError(f"{what} needs {library}: pip install 'taxocrawl[train]'")
