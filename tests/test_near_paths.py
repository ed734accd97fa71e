from pathlib import Path

import pytest

from taxocrawl.nearest import near_path


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("domians.txt", "; did you mean domains.txt?"),
        ("DOMAINS.TXT", "; did you mean domains.txt?"),
        ("lists/domian.txt", "; did you mean lists/domain.txt?"),
        ("list/domain.txt", "; did you mean lists?"),
        ("nowhere/domain.txt", "; there is no folder nowhere"),
        ("qqqq", ""),
        ("", ""),
        ("/", ""),
        ("domains.txt/x", "; domains.txt is no folder"),
        ("a\0b", ""),
        ("x" * 5000, ""),
    ],
)
def test_the_nearest_path_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, hint: str
) -> None:
    (tmp_path / "domains.txt").touch()
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "domain.txt").touch()
    monkeypatch.chdir(tmp_path)
    assert near_path(wanted) == hint
