"""What every test gets: a clean environment, and the shared data where it is present."""

import ipaddress
import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


def _refuse_the_network(event: str, arguments: tuple[object, ...]) -> None:
    """Fail whatever tries to reach beyond loopback."""
    if event != "socket.connect":
        return
    connection, address = arguments
    if getattr(connection, "family", None) in (socket.AF_INET, socket.AF_INET6):
        host = address[0]  # type: ignore[index]
        try:
            loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = host == "localhost"
        if not loopback:
            raise PermissionError(f"a test reached for {address}")


sys.addaudithook(_refuse_the_network)

ROOT = Path(__file__).parent.parent
DEMANDED = os.environ.get("TAXOCRAWL_DEMAND_ALL") == "1"
"""CI sets it: a test that would be skipped for want of data or torch then fails."""


def data_folder() -> Path:
    """Where the shared data is: TAXOCRAWL_DATA, or `../shared/data` beside the project."""
    return Path(os.environ.get("TAXOCRAWL_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of the shared data (mark such tests with `data`)."""
    return data_folder()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip aloud, or fail where CI demands all, what cannot run here."""
    if item.get_closest_marker("data") and not (data_folder() / "README.md").is_file():
        _missing(f"no shared data at {data_folder()}: set TAXOCRAWL_DATA")
    if item.get_closest_marker("torch") and not find_spec("sentence_transformers"):
        _missing("sentence-transformers is not installed: make torch")
    if item.get_closest_marker("oracles") and not (find_spec("shap") and find_spec("lime")):
        _missing("shap or lime is not installed: make torch")
    if item.get_closest_marker("installs") and not DEMANDED:
        pytest.skip("installs packages: set TAXOCRAWL_DEMAND_ALL=1")


def _missing(reason: str) -> None:
    if DEMANDED:
        pytest.fail(f"{reason} (demanded by TAXOCRAWL_DEMAND_ALL)")
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's shell reaches a test; no hub is asked for a model."""
    for name in list(os.environ):
        if name.startswith("TAXOCRAWL_") and name not in {"TAXOCRAWL_DATA", "TAXOCRAWL_DEMAND_ALL"}:
            monkeypatch.delenv(name)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
