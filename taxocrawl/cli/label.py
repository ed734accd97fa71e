"""`taxocrawl label`: a person's word on one site."""

from pathlib import Path

import click

from taxocrawl.cli.labelling import by_option, site_of, speaker, taxonomy_for, taxonomy_option
from taxocrawl.cli.options import store_option


@click.command(name="label")
@click.argument("domain")
@click.argument("nodes", nargs=-1, metavar="NODE...")
@taxonomy_option
@click.option("--not", "is_not", is_flag=True, help="The site is not about NODE or what is below.")
@click.option("--none", "none_fits", is_flag=True, help="No category of the taxonomy fits.")
@click.option("--add", is_flag=True, help="Keep the categories you gave the site before.")
@click.option("--remove", is_flag=True, help="Forget labels: those on NODE, or all of the site.")
@click.option("--page", metavar="URL", help="Speak of one page of the site only.")
@click.option("--note", default="", help="A remark that is kept with the label.")
@by_option
@click.option("--new", is_flag=True, help="Label a site that no run has seen yet.")
@click.option("--json", "as_json", is_flag=True, help="Print the site's labels, one JSON a line.")
@store_option("-s", "The store that is written to.", must_exist=True)
def command(
    domain: str,
    nodes: tuple[str, ...],
    taxonomy: str | None,
    is_not: bool,
    none_fits: bool,
    add: bool,
    remove: bool,
    page: str | None,
    note: str,
    by: str | None,
    new: bool,
    as_json: bool,
    store: Path,
) -> None:
    """Say what a site is about; at once it is so in every view, also while a crawl runs.

    NODE is the id, the name or the path of a category ('Sports > Soccer'). Several NODEs stand
    together; saying something else later replaces them, unless with --add.
    """
    from taxocrawl.store import labels
    from taxocrawl.taxonomies import search

    if sum((is_not, none_fits, remove)) > 1:
        raise click.UsageError("--not, --none and --remove exclude each other")
    if bool(nodes) == none_fits and not remove:
        raise click.UsageError("give at least one NODE, or --none where no category fits")
    site = site_of(store, domain, page=page, new=new)
    tree = taxonomy_for(store, taxonomy)
    wanted: list[str | None] = [search.find(tree, node) for node in nodes]
    if remove:
        _remove(store, site, tree.name, page=page, by=by, node_ids=[n for n in wanted if n])
    else:
        said = [
            labels.Label(
                domain=site,
                taxonomy=tree.name,
                node_id=node_id,
                verdict="is_not" if is_not else "is",
                url=page,
                labelled_by=speaker(by),
                note=note,
            )
            for node_id in (wanted or [None])
        ]
        labels.add_labels(store, said, replace=not add)
    _report(store, site, as_json=as_json)


def _remove(
    store: Path,
    site: str,
    taxonomy: str,
    *,
    page: str | None,
    by: str | None,
    node_ids: list[str],
) -> None:
    from taxocrawl.errors import StoreError
    from taxocrawl.store import labels

    gone = labels.remove_labels(
        store, domain=site, taxonomy=taxonomy, url=page, labelled_by=by, node_ids=node_ids
    )
    if not gone:
        raise StoreError(f"{site} has no such label in {taxonomy}")


def _report(store: Path, site: str, *, as_json: bool) -> None:
    from taxocrawl.cli.tables import print_json_lines
    from taxocrawl.explanations.render import visible
    from taxocrawl.store import labels

    said = list(labels.read_labels(store, domain=site))
    if as_json:
        from taxocrawl.store.label_files import values_of

        print_json_lines(values_of(label, path) for label, path in said)
        return
    for label, path in said:
        where = label.url or site
        what = f"{label.verdict.replace('_', ' ')} {path}" if path else "fits no category"
        by = f"  ({label.labelled_by})" if label.labelled_by else ""
        click.echo(visible(f"{where}  {label.taxonomy}  {what}{by}"), err=True)
    if not said:
        click.echo(f"{site} has no label: the machine's answer counts", err=True)
