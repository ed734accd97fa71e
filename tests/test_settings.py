import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxocrawl import settings
from taxocrawl.errors import SettingsError
from taxocrawl.settings import FIELDS, ConnectTo, Settings


def test_defaults_are_within_their_own_bounds() -> None:
    for name in FIELDS:
        value = getattr(Settings(), name)
        assert settings.check(name, value, "default") == value


def test_every_setting_is_documented() -> None:
    assert all(field.metadata["doc"] for field in FIELDS.values())


def test_command_line_beats_environment_beats_file(tmp_path: Path) -> None:
    file = tmp_path / "taxocrawl.toml"
    file.write_text("max_pages = 2\nretries = 1\nseed = 7\n")
    loaded = settings.load(
        environ={"TAXOCRAWL_RETRIES": "3", "TAXOCRAWL_MAX_PAGES": "5"},
        overrides={"max_pages": 6, "contact": None},
        file=file,
    )
    assert (loaded.max_pages, loaded.retries, loaded.seed) == (6, 3, 7)


def test_environment_variables_that_are_no_settings_are_left_alone() -> None:
    assert settings.load(environ={"TAXOCRAWL_DATA": "/elsewhere"}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max_page", 2, "did you mean 'max_pages'"),
        ("max_pages", 0, "between 1 and 50"),
        ("max_pages", "many", "must be a number"),
        ("max_pages", True, "must be a number"),
        ("retry_after_cap_s", "nan", "must be a number"),
        ("keep_text", "some", "must be one of none, main, all"),
        ("allow_private", "perhaps", "true or false"),
        ("connect_to", "example.com", "HOST:PORT:ADDRESS:PORT"),
        ("connect_to", "a:1:b:70000", "not in 1..65535"),
        ("taxonomies", 3, "must be a list"),
        ("plugins", "x", "must be a table"),
    ],
)
def test_a_bad_setting_names_the_value_and_the_cure(name: str, value: object, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings.check(name, value, "here")


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "taxocrawl.toml"
    file.write_text("max_pages = = 2")
    with pytest.raises(SettingsError, match=r"taxocrawl\.toml"):
        settings.load(environ={}, file=file)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        (":443:127.0.0.1:8443", ("", 443, "127.0.0.1", 8443)),
        ("::127.0.0.1:80", ("", None, "127.0.0.1", 80)),
        ("::[::1]:80", ("", None, "::1", 80)),
        ("A.example:80:b.example:", ("a.example", 80, "b.example", None)),
    ],
)
def test_connect_to_reads_as_curl_does(
    text: str, parsed: tuple[str, int | None, str, int | None]
) -> None:
    rule = ConnectTo.parse(text)
    assert (rule.host, rule.port, rule.address, rule.to_port) == parsed
    assert ConnectTo.parse(str(rule)) == rule


@given(st.text(max_size=40))
def test_connect_to_of_any_text_parses_or_says_why(text: str) -> None:
    with contextlib.suppress(SettingsError):
        assert ConnectTo.parse(text).address
