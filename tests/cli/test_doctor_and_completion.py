"""What says that an installation is whole, and what a shell asks on every TAB."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAVY = ("torch", "xgboost", "scrapy", "duckdb", "tokenizers", "pyarrow", "trafilatura", "rich")

METADATA = """\
Metadata-Version: 2.4
Name: taxocrawl
Version: 9.9
Requires-Python: >=3.99
Requires-Dist: click>=99
Requires-Dist: nosuchthing<2,>=1
Requires-Dist: torn-wheel
Requires-Dist: rich
Requires-Dist: nothing-here; sys_platform == "neverland"
Requires-Dist: alsonot; extra == "more"
Requires-Dist: pluggy>=99; extra == "other"
Requires-Dist: not a requirement
"""


def python(
    code_or_module: list[str], folder: Path, **environ: str
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TAXOCRAWL_")}
    return subprocess.run(
        [sys.executable, *code_or_module],
        cwd=folder,
        env=clean | environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What doctor says where nearly everything is wrong, by the name of the check."""
    folder = tmp_path_factory.mktemp("broken")
    for name, text in {
        "taxocrawl-9.9.dist-info/METADATA": METADATA,
        "torn_wheel-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: torn-wheel\nVersion: 1\n",
        "torn_wheel.py": "raise OSError('libgomp.so.1: cannot open shared object file')\n",
        "plugins/bad.py": "1 / 0\n",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    done = python(
        ["-m", "taxocrawl", "doctor", "--json", "--plugins-dir", "plugins", "--model", "nowhere"],
        folder,
        PYTHONPATH=str(folder),
        TAXOCRAWL_MAX_PAGE="3",
    )
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert not report["ok"]
    assert not [path for path in folder.iterdir() if path.name.startswith(".taxocrawl")]
    return {check["name"]: check for check in report["checks"]}


@pytest.mark.parametrize(
    ("name", "status", "message", "cure"),
    [
        ("taxocrawl", "ok", "9.9", ""),
        ("Python", "broken", "is installed, >=3.99 is needed", ""),
        ("click", "broken", "is installed, >=99 is needed", "pip install 'click>=99'"),
        ("nosuchthing", "broken", "not installed", "pip install 'nosuchthing<2,>=1'"),
        ("torn-wheel", "broken", "libgomp.so.1", "--force-reinstall 'torn-wheel'"),
        ("rich", "ok", ".", ""),
        ("extra more", "absent", "optional; lacks alsonot", "taxocrawl[more]"),
        ("pluggy", "broken", ">=99 is needed", "taxocrawl[other]"),
        ("settings", "broken", "did you mean TAXOCRAWL_MAX_PAGES?", "correct it"),
        ("public suffix list", "ok", "packaged", ""),
        ("taxonomies", "ok", "packaged", ""),
        ("worker processes", "ok", "answer", ""),
        ("store in this folder", "ok", "can be written", ""),
        ("plugin file:bad.py", "broken", "ZeroDivisionError", "repair or uninstall"),
        ("model nowhere", "broken", "no model 'nowhere'", "another --model"),
        ("classifiers", "broken", "nowhere", "see the model"),
    ],
)
def test_doctor_says_what_is_wrong_and_how_to_mend_it(
    broken: dict[str, dict[str, Any]], name: str, status: str, message: str, cure: str
) -> None:
    check = broken[name]
    assert check["status"] == status
    assert message in check["message"]
    assert cure in check["cure"]


def test_doctor_passes_over_what_another_system_needs(broken: dict[str, dict[str, Any]]) -> None:
    assert "nothing-here" not in broken


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion_script(shell: str, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from taxocrawl.cli.main import cli

    script = CliRunner().invoke(cli, ["completion", shell]).output
    assert f"_TAXOCRAWL_COMPLETE={shell}_complete" in script
    if shell == "bash":
        (tmp_path / "script").write_text(script)
        subprocess.run(["bash", "-n", str(tmp_path / "script")], check=True)


COMPLETE = f"""
import sys
from taxocrawl.cli.main import main
sys.argv = ["taxocrawl"]
try:
    main()
except SystemExit as end:
    print("code", end.code)
print("heavy", [name for name in {HEAVY} if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("words", "place", "offered"),
    [
        ("taxocrawl la", 1, ["plain,label", "plain,labels"]),
        ("taxocrawl labels ", 2, ["plain,agreement", "plain,export", "plain,import"]),
        ("taxocrawl review --s", 2, ["plain,--second", "plain,--store"]),
        ("taxocrawl crawl --taxonomy iab-3", 3, ["plain,iab-3.0", "plain,iab-3.1", "file,iab-3"]),
    ],
)
def test_completion_offers_what_fits_and_imports_nothing_heavy(
    tmp_path: Path, words: str, place: int, offered: list[str]
) -> None:
    (tmp_path / "plugin.py").write_text("import taxocrawl\n")
    done = python(
        ["-c", COMPLETE],
        tmp_path,
        _TAXOCRAWL_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=str(place),
        TAXOCRAWL_PLUGINS_DIR=str(tmp_path),
    )
    *lines, code, heavy = done.stdout.splitlines()
    assert lines == offered
    assert (code, heavy) == ("code 0", "heavy []")
