"""`plugins check` outlives what it checks (P01-P04, P11)."""

from pathlib import Path

import pytest

from taxocrawl import plugin_checks
from taxocrawl.errors import InputError
from taxocrawl.settings import Settings

GOOD = """
from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.taxonomies.tree import Node, Taxonomy

@hookimpl
def register_taxonomies():
    return {"NAME": lambda r: Taxonomy("NAME", [Node(id="1", parent_id=None, name="One", tier=1)])}
"""

DEADLY = """
import os, time
from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.specimens import WordCounter

class Dies(WordCounter):
    def classify(self, documents): os._exit(7)

class Hangs(WordCounter):
    def classify(self, documents): time.sleep(60)

@hookimpl
def register_classifiers():
    made = {"dies": Dies, "hangs": Hangs, "word-counter": WordCounter, "alias": WordCounter}
    return {name: lambda r, of=of: of() for name, of in made.items()}
"""


def verdicts(folder: Path, plugin: str = "", deadline_s: float = 60) -> list[tuple[str, str, str]]:
    settings = Settings(plugins_dir=str(folder))
    found = plugin_checks.check(settings, plugin, deadline_s=deadline_s)
    return [(v.plugin, v.name, v.problem) for v in found]


@pytest.mark.slow
def test_what_hangs_and_what_dies_cost_their_own_verdict(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY)
    dies, hangs, counter, alias = verdicts(tmp_path, deadline_s=6)
    assert dies == ("file:deadly.py", "dies", "its process died (exit code 7)")
    assert hangs == ("file:deadly.py", "hangs", "took longer than 6 s and was ended")
    assert counter == ("file:deadly.py", "word-counter", "")
    assert "rule 'answer': alias: node '483'" in alias[2]


@pytest.mark.slow
def test_each_plugin_answers_for_itself(tmp_path: Path) -> None:
    (tmp_path / "exits.py").write_text("import os; os._exit(9)")
    (tmp_path / "raises.py").write_text("1 / 0")
    (tmp_path / "shapes.py").write_text(GOOD.replace("NAME", "shapes"))
    assert verdicts(tmp_path) == [
        ("file:exits.py", "", "its process died (exit code 9)"),
        ("file:raises.py", "", "ZeroDivisionError: division by zero"),
        ("file:shapes.py", "shapes", ""),
    ]


@pytest.mark.slow
def test_a_name_that_two_claim_is_said(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(GOOD.replace("NAME", "shapes"))
    (tmp_path / "two.py").write_text(GOOD.replace("NAME", "shapes"))
    clash, own = verdicts(tmp_path, "file:two.py")
    assert "as plugin file:one.py does" in clash[2]
    assert own == ("file:two.py", "shapes", "")


def test_an_unknown_plugin_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text(GOOD)
    with pytest.raises(InputError, match=r"did you mean .file:shapes\.py"):
        verdicts(tmp_path, "file:shape.py")


def test_without_plugins_there_are_no_verdicts(tmp_path: Path) -> None:
    assert verdicts(tmp_path) == []
