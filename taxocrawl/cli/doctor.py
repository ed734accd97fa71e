"""`taxocrawl doctor`: is this installation whole?"""

import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from taxocrawl.cli.main import EXIT_FAILED
from taxocrawl.cli.options import load_settings, of_settings

REQUIRED = {
    "scrapy": "scrapy",
    "trafilatura": "trafilatura",
    "lxml_html_clean": "lxml_html_clean",
    "duckdb": "duckdb",
    "pyarrow": "pyarrow",
    "xgboost": "xgboost-cpu",
    "tokenizers": "tokenizers",
    "safetensors": "safetensors",
    "pebble": "pebble",
    "tldextract": "tldextract",
    "ada_url": "ada-url",
}
OPTIONAL = {"sentence_transformers": "transformers"}


@click.command(name="doctor")
@of_settings("model", "encoder", "plugins_dir")
def command(**options: Any) -> None:
    """Check every dependency, the model and the plugins; say what is wrong and how to mend it."""
    from taxocrawl import pipeline
    from taxocrawl.errors import TaxocrawlError
    from taxocrawl.plugins import loading

    faults = 0
    for module, package in REQUIRED.items():
        try:
            import_module(module)
        except ImportError as error:
            faults += 1
            click.echo(f"broken  {package}: {error}; mend it: pip install {package}")
        else:
            click.echo(f"ok      {package} {_version(package)}")
    for module, extra in OPTIONAL.items():
        try:
            import_module(module)
        except ImportError:
            click.echo(f"absent  {module}: optional; pip install 'taxocrawl[{extra}]'")
        else:
            click.echo(f"ok      {module}")
    settings = load_settings(options)
    try:
        registry = loading.load(settings)
        pipeline.check_settings(registry, settings)
        click.echo(f"ok      model {settings.model}: {registry.model_folder()}")
        for problem in registry.problems:
            faults += 1
            click.echo(f"broken  plugin {problem.plugin}: {problem.message}")
    except TaxocrawlError as error:
        faults += 1
        click.echo(f"broken  {error}")
    sys.exit(EXIT_FAILED if faults else 0)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(version unknown)"
