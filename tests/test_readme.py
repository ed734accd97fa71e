"""What the README shows is true: its plugin loads and answers, its names exist."""

import re
from pathlib import Path

import pytest

from taxocrawl import pipeline
from taxocrawl.cli.main import COMMANDS, cli
from taxocrawl.extraction import documents
from taxocrawl.plugins import loading
from taxocrawl.settings import Settings

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def test_the_plugin_of_the_readme_classifies(tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "shouting.py").write_text(source)
    settings = Settings(plugins_dir=str(tmp_path), classifiers=("shouting",), explain=())
    registry = loading.load(settings)
    texts = ["Stars! Gossip! Now! Who wore it best?", "a quiet sentence"]
    found = [documents.from_text(text, text=text) for text in texts]
    loud, quiet = pipeline.categorize(found, registry, settings)
    assert (loud.kind, quiet.kind) == ("classified", "uncertain")
    assert registry.taxonomy("iab-3.1")["432"].name == "Pop Culture"


def test_every_command_of_the_readme_exists() -> None:
    named = set(re.findall(r"taxocrawl (\w+)", README)) - {"crawl_"}
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    import click

    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
