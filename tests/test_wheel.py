"""The wheel alone, in an empty environment and another folder, does the main job."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from loopback import Loopback, serving

ROOT = Path(__file__).parent.parent
SITES = ROOT / "examples" / "demo_sites"

pytestmark = [pytest.mark.installs, pytest.mark.slow]


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel and what it requires, and an empty folder to work in."""

    bin: Path
    folder: Path

    def run(self, *command: str) -> str:
        """Standard output of a command of the environment; its talk where it fails."""
        done = subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    dist = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", dist, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = dist.glob("*.whl")
    assert wheel.stat().st_size < 60 * 2**20
    environment = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, wheel, "duckdb-cli<2"], check=True, capture_output=True, text=True)
    return Installed(bin=environment / "bin", folder=tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="module")
def web() -> Iterator[Loopback]:
    with serving(sites=SITES) as running:
        yield running


@pytest.fixture(scope="module")
def store(installed: Installed, web: Loopback) -> Path:
    hosts = sorted(path.name for path in SITES.iterdir() if path.is_dir())[:6]
    connect = web.connect_to
    installed.run("taxocrawl", "crawl", *hosts, "-o", "sites.duckdb", "--connect-to", connect)
    return installed.folder / "sites.duckdb"


def test_the_environment_holds_no_torch_and_no_gpu_library(installed: Installed) -> None:
    packages = installed.run("pip", "list", "--format", "freeze").lower()
    assert "taxocrawl" in packages
    assert not re.search(r"^(torch|nvidia|sentence-transformers|scikit-learn)", packages, re.M)


def test_doctor_finds_nothing_wrong(installed: Installed) -> None:
    assert "broken" not in installed.run("taxocrawl", "doctor")


def test_every_domain_has_one_outcome_and_most_have_a_category(
    installed: Installed, store: Path
) -> None:
    query = "select outcome, count(*) as n from inputs group by all"
    rows = [
        json.loads(line)
        for line in installed.run("taxocrawl", "sql", str(store), query, "--json").splitlines()
    ]
    counts = {row["outcome"]: row["n"] for row in rows}
    assert sum(counts.values()) == 6
    assert counts["classified"] >= 3


def test_duckdbs_own_shell_answers_the_sql_of_the_readme(installed: Installed, store: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    queries = re.findall(r"```sql\n(.*?)```", readme, re.DOTALL)
    assert queries
    for query in queries:
        rows = json.loads(
            installed.run("duckdb", "-readonly", "-json", str(store), query).strip() or "[]"
        )
        assert rows
