"""The tables of a store and the steps by which they came to be.

A table is declared once, here: DDL, comments, Arrow batches and the documentation are made from
the declaration. Steps are numbered and append-only: a released step is never edited, a later one
adds to it. Text columns hold '' where there is no text; NULL stands only where a comment says so.
"""

from typing import Final

from taxocrawl.store.ddl import AddedColumn, Column, Step, Table, quoted


def _text(name: str, comment: str) -> Column:
    return Column(name, "VARCHAR", comment)


def _one_of(name: str, words: tuple[str, ...], comment: str) -> Column:
    listed = ", ".join(quoted(word) for word in words)
    return Column(name, "VARCHAR", f"{comment}: {', '.join(words)}", f"{name} IN ({listed})")


# The outcomes have no CHECK here: DuckDB cannot change one later, and the closed list may grow.
# The writer takes an `OutcomeKind` and refuses others.
RUN_ID = _text("run_id", "the run (runs.run_id)")
DOMAIN = _text("domain", "canonical host, or the id that the caller gave a text")
PAGE_URL = _text("url", "the page; NULL where the row speaks for the whole site")
TAXONOMY = _text("taxonomy", "name of the taxonomy (taxonomies.taxonomy)")
NODE = _text("node_id", "the category (nodes.node_id)")
TIER = Column("tier", "INTEGER", "depth in the taxonomy, 1 is a root")
CLASSIFIER = _text("classifier", "name of the classifier")
MODEL = _text("model_id", "changes whenever the answers may change (models.model_id)")
MADE_AT = Column("created_at", "TIMESTAMP", "when the row was made, UTC")

RUNS: Final = Table(
    "runs",
    "one row for each run of crawl or classify",
    (
        RUN_ID,
        Column("sequence", "INTEGER", "counts the runs of this store from 1; orders them"),
        _text("command", "the command that was run"),
        _one_of("state", ("running", "finished", "interrupted", "failed"), "how the run stands"),
        _text("version", "version of taxocrawl"),
        Column("settings", "JSON", "all settings of the run"),
        Column("classifiers", "VARCHAR[]", "classifiers that ran, the deciding one first"),
        _text("list_sha256", "fingerprint of the list of domains; '' where it was not known"),
        Column("started_at", "TIMESTAMP", "start, UTC"),
        Column("finished_at", "TIMESTAMP", "end, UTC; NULL while the run is unfinished"),
        Column("seconds", "DOUBLE", "duration by the monotonic clock, last session of the run"),
    ),
)
INPUTS: Final = Table(
    "inputs",
    "one row for each line of the input: each line ends in exactly one outcome",
    (
        RUN_ID,
        Column("line", "BIGINT", "number of the line, from 1"),
        _text("raw", "the line as it was given, its first 4,096 characters"),
        _text("domain", "the site it names; NULL where it names none"),
        _text("outcome", "how the line ended, one of the closed list of outcomes"),
        _text("detail", "what refines the outcome: nxdomain, for_sale, 503"),
        Column("duplicate_of", "BIGINT", "line of the same host; NULL unless a duplicate"),
    ),
)
SITES: Final = Table(
    "sites",
    "one row for each site of a run: what happened",
    (
        RUN_ID,
        DOMAIN,
        Column("line", "BIGINT", "line of the input"),
        _text("outcome", "how the site ended, one of the closed list of outcomes"),
        _text("detail", "what refines the outcome: nxdomain, for_sale, 503"),
        _text("message", "the outcome in one line for people"),
        Column("retryable", "BOOLEAN", "whether a later try may end otherwise"),
        Column("notes", "VARCHAR[]", "facts that are no outcomes: truncated, redirected_to:..."),
        _text("final_url", "address of the home page after redirects"),
        Column("status", "INTEGER", "HTTP status of the home page; NULL where none came"),
        _text("language", "ISO 639-1 code, '' where unknown"),
        _text("form", "form of the site (shop, news, forum); NULL where not decided"),
        _text("form_vector_id", "IAB descriptive vector of the form; NULL where none fits"),
        _text("risk", "sensitive topic for brand safety; NULL where none"),
        Column("n_pages", "INTEGER", "pages read"),
        Column("n_words", "INTEGER", "words of main text on all pages"),
        Column("attempts", "INTEGER", "requests for the home page"),
        Column("started_at", "TIMESTAMP", "first request, UTC; NULL where nothing was fetched"),
        Column("seconds", "DOUBLE", "time from first request to outcome"),
        Column(
            "plugin_errors",
            "STRUCT(plugin VARCHAR, component VARCHAR, message VARCHAR)[]",
            "plugins that failed on the site while others did not",
        ),
    ),
)
PAGES: Final = Table(
    "pages",
    "one row for each page that was read; how much text is kept is the setting keep_text",
    (
        RUN_ID,
        DOMAIN,
        _text("url", "where the page came from"),
        Column("position", "INTEGER", "0 is the home page"),
        _text("title", "title of the page, with the site's name where it lacks it"),
        _text("description", "description and keywords in the page's head"),
        _text("headings", "headings, one a line"),
        _text("text", "main text, its first 20,000 characters"),
        _text("link_texts", "words of the links (keep_text = all)"),
        _text("alt_texts", "words that describe images (keep_text = all)"),
        _text("facts", "statements of the page's own markup (keep_text = all)"),
        _text("url_words", "words of the address (keep_text = all)"),
        Column("words", "INTEGER", "words of main text, whole text"),
        _text("language", "ISO 639-1 code, '' where unknown"),
        _text("extractor", "rung of the extraction ladder that gave the text"),
        _text("charset", "charset by which the bytes were read"),
        Column("noindex", "BOOLEAN", "whether the page asks search engines not to list it"),
        Column("notes", "VARCHAR[]", "facts about the page: truncated, charset_guessed"),
        _text("body_sha256", "hash of the page's bytes"),
        Column("fetched_at", "TIMESTAMP", "when it was fetched, UTC; NULL where it was not"),
    ),
)
PREDICTIONS: Final = Table(
    "predictions",
    "categories that classifiers gave; a category's ancestors have rows of their own",
    (
        RUN_ID,
        DOMAIN,
        PAGE_URL,
        TAXONOMY,
        NODE,
        TIER,
        Column("confidence", "DOUBLE", "probability of this category or one below it, 0 to 1"),
        Column("rank", "INTEGER", "1 is the first choice; NULL on mere ancestors"),
        Column("asserted", "BOOLEAN", "over the threshold of its tier"),
        Column("decides", "BOOLEAN", "row of the classifier whose answer counts here"),
        CLASSIFIER,
        MODEL,
    ),
)
EXPLANATIONS: Final = Table(
    "explanations",
    "why a classifier gave a site a category, by one method",
    (
        RUN_ID,
        DOMAIN,
        TAXONOMY,
        NODE,
        CLASSIFIER,
        _text("method", "words, shap, lime, anchors"),
        Column("score", "DOUBLE", "score with all that is attributed"),
        Column("base_value", "DOUBLE", "score without it"),
        _text("unit", "unit of scores and weights: probability, margin, log-odds"),
        Column("fidelity", "DOUBLE", "how well the method mirrors the classifier; NULL: not known"),
        Column("seconds", "DOUBLE", "time it took"),
    ),
)
ATTRIBUTIONS: Final = Table(
    "attributions",
    "what one word, feature, field or sentence adds to a category's score",
    (
        RUN_ID,
        DOMAIN,
        TAXONOMY,
        NODE,
        CLASSIFIER,
        _text("method", "words, shap, lime, anchors"),
        _text("kind", "word, phrase, feature, field, sentence"),
        Column("position", "INTEGER", "order within explanation, from 1"),
        _text("name", "the word, the feature's or field's name, or the sentence"),
        Column("weight", "DOUBLE", "what it adds, in the unit of the explanation"),
        Column("value", "DOUBLE", "value of a feature; NULL for all others"),
        _text("url", "page of a sentence, '' for all others"),
    ),
)
AGREEMENTS: Final = Table(
    "agreements",
    "how far two methods of explanation agree on a category of a site",
    (
        RUN_ID,
        DOMAIN,
        TAXONOMY,
        NODE,
        CLASSIFIER,
        _text("method_a", "one method"),
        _text("method_b", "the other method"),
        Column("rank_correlation", "DOUBLE", "Spearman's, -1 to 1; NULL where undefined"),
        Column("overlap", "DOUBLE", "share of the top words that both name, 0 to 1"),
        Column("top", "INTEGER", "how many words of each were compared"),
    ),
)
IMPORTANCES: Final = Table(
    "importances",
    "what features and fields matter to a model on the whole, by permutation",
    (
        MODEL,
        TAXONOMY,
        Column("tier", "INTEGER", "tier that was measured; NULL for all tiers"),
        _text("kind", "feature, field, group"),
        _text("name", "the feature, field or group of features"),
        Column("members", "VARCHAR[]", "features of a group; empty for all others"),
        _text("metric", "what falls when the values are shuffled"),
        Column("importance", "DOUBLE", "mean fall of the metric"),
        Column("deviation", "DOUBLE", "standard deviation over repeats; NULL: not known"),
        Column("gain", "DOUBLE", "the booster's own gain, which misleads; NULL where none"),
        Column("n_pages", "INTEGER", "pages it was measured on"),
        MADE_AT,
    ),
)
LABELS: Final = Table(
    "labels",
    "what people said a site is about; wins over every classifier at once",
    (
        DOMAIN,
        PAGE_URL,
        TAXONOMY,
        _text("node_id", "the category; NULL says that no category of the taxonomy fits"),
        _one_of(
            "verdict",
            ("is", "is_not"),
            "is: all such rows together replace the machine's answer; is_not: this category "
            "and all below it are struck from it",
        ),
        _text("labelled_by", "who said so"),
        _text("note", "remark"),
        MADE_AT,
    ),
)
REVIEW_QUEUE: Final = Table(
    "review_queue",
    "sites that a person should look at",
    (
        RUN_ID,
        DOMAIN,
        TAXONOMY,
        _text("reason", "why: uncertain, disagreement, close, asked"),
        Column("priority", "DOUBLE", "the higher, the sooner; 0: skipped once"),
        MADE_AT,
        Column("done_at", "TIMESTAMP", "when a person looked, UTC; NULL until then"),
    ),
)
TAGS: Final = Table(
    "tags",
    "free words that say what a site is about",
    (
        RUN_ID,
        DOMAIN,
        PAGE_URL,
        _text("tag", "the word or phrase"),
        Column("relevance", "DOUBLE", "in per cent, 0 to 100"),
    ),
)
RISKS: Final = Table(
    "risks",
    "what an advertiser or a filter may want to keep away from, one row a site and topic",
    (
        RUN_ID,
        DOMAIN,
        _text("topic", "the word: adult, gambling, piracy, weapons, drugs, hate and others"),
        Column("confidence", "DOUBLE", "how sure it is, 0 to 1"),
        Column("reasons", "VARCHAR[]", "words and categories that decided, the strongest first"),
    ),
)
TAXONOMIES: Final = Table(
    "taxonomies",
    "taxonomies that this store can name, one row for each version",
    (
        TAXONOMY,
        _text("sha256", "fingerprint of ids, parents and names"),
        _text("title", "full name"),
        _text("source", "where it comes from"),
        _text("licence", "its licence"),
        Column("cattax", "INTEGER", "OpenRTB's number of the taxonomy; NULL where it has none"),
        Column("n_nodes", "INTEGER", "number of categories"),
        Column("depth", "INTEGER", "deepest tier"),
        MADE_AT,
    ),
)
NODES: Final = Table(
    "nodes",
    "categories of the taxonomies; one row each, as the newest version gives it",
    (
        TAXONOMY,
        NODE,
        _text("parent_id", "category above; NULL at a root"),
        _text("name", "name in English"),
        TIER,
        _text("path", "names from the root down: Sports > Soccer"),
        Column("path_ids", "VARCHAR[]", "ids from the root down to the category itself"),
        Column("flags", "VARCHAR[]", "marks of the source: scd and others"),
        _text("note", "remark of the source"),
        Column("position", "INTEGER", "order in the source, from 1"),
        _text("sha256", "version that the row comes from (taxonomies.sha256)"),
    ),
)
NODE_NAMES: Final = Table(
    "node_names",
    "names of categories in other languages",
    (TAXONOMY, NODE, _text("language", "ISO 639-1 code"), _text("name", "name in it")),
)
CROSSWALKS: Final = Table(
    "crosswalks",
    "which category of one taxonomy answers to which of another",
    (
        _text("from_taxonomy", "taxonomy of the given category"),
        _text("from_id", "the given category"),
        _text("to_taxonomy", "taxonomy of the other"),
        _text("to_id", "the other category"),
        _text("relation", "what the other is to the given one: exact, broader, narrower, related"),
        Column("rank", "INTEGER", "1 is the one to take where only one is wanted"),
        _text("source", "table, rule or chain of tables that it comes from"),
    ),
)
MODELS: Final = Table(
    "models",
    "models that gave predictions",
    (
        MODEL,
        CLASSIFIER,
        Column("taxonomies", "VARCHAR[]", "taxonomies it was first seen to answer in"),
        _text("first_run_id", "run that first used it"),
        MADE_AT,
    ),
)
PLUGINS: Final = Table(
    "plugins",
    "plugins of a run",
    (
        RUN_ID,
        _text("plugin", "name of the plugin"),
        _text("version", "its version, '' where unknown"),
        Column("components", "VARCHAR[]", "what it registered: classifier:ranker"),
        _text("problem", "why it was skipped, '' where it was not"),
    ),
)
SCHEMA_STEPS: Final = Table(
    "schema_steps",
    "steps by which the schema of this file came to be",
    (
        Column("step", "INTEGER", "number of the step, from 1"),
        _text("says", "what it did"),
        _text("version", "version of taxocrawl that did it"),
        Column("applied_at", "TIMESTAMP", "when, UTC"),
    ),
)

STEPS: Final[tuple[Step, ...]] = (
    Step(
        1,
        "all tables",
        (
            RUNS,
            INPUTS,
            SITES,
            PAGES,
            PREDICTIONS,
            EXPLANATIONS,
            ATTRIBUTIONS,
            AGREEMENTS,
            IMPORTANCES,
            LABELS,
            REVIEW_QUEUE,
            TAGS,
            TAXONOMIES,
            NODES,
            NODE_NAMES,
            CROSSWALKS,
            MODELS,
            PLUGINS,
            SCHEMA_STEPS,
        ),
    ),
    Step(
        2,
        "predictions in other taxonomies by crosswalk",
        (
            AddedColumn(
                "predictions",
                _text(
                    "relation",
                    "'' where the classifier knows the taxonomy, else what the category is to the "
                    "one it predicted in another: exact, broader, narrower, related",
                ),
                default="''",
            ),
        ),
    ),
    Step(
        3,
        "figures of explanations",
        (
            AddedColumn(
                "explanations",
                Column(
                    "figures",
                    "JSON",
                    "what else a reader of the method must know, by name: samples, kernel_width",
                ),
                default="'{}'",
            ),
        ),
    ),
    Step(
        4,
        "risks of a site, how sure its form is",
        (
            RISKS,
            AddedColumn(
                "sites",
                Column("form_confidence", "DOUBLE", "how sure the form is; NULL where not decided"),
            ),
        ),
    ),
)


def tables(steps: tuple[Step, ...] = STEPS) -> dict[str, Table]:
    """Every table by name with all its columns, as the last step leaves it."""
    found: dict[str, Table] = {}
    for step in steps:
        for change in step.changes:
            if isinstance(change, Table):
                found[change.name] = change
            else:
                table = found[change.table]
                found[change.table] = Table(
                    table.name, table.comment, (*table.columns, change.column)
                )
    return found
