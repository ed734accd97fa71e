"""All settings, their defaults and where they come from.

Precedence: command line > environment (`TAXOCRAWL_NAME`) > `taxocrawl.toml` > the defaults below.
"""

import dataclasses
import difflib
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from taxocrawl.errors import SettingsError
from taxocrawl.taxonomies.user_file import taxonomy_of_model

ENVIRONMENT_PREFIX = "TAXOCRAWL_"
SETTINGS_FILE = "taxocrawl.toml"
SHIPPED_MODELS = Path(__file__).parent / "models"

KeepText = Literal["none", "main", "all"]
Aspect = Literal["form", "risk", "tags"]
DocumentKind = Literal["page", "product"]
RiskPreset = Literal["", "brand-safety", "strict", "family"]
TlsVerify = Literal["strict", "warn"]

_CONNECT_TO = re.compile(r"(\[[^\]]*\]|[^:\[\]]*):(\d*):(\[[^\]]+\]|[^:\[\]]+):(\d*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectTo:
    """One `--connect-to HOST:PORT:ADDRESS:PORT`, as curl reads it; '' and None mean any / same."""

    host: str
    port: int | None
    address: str
    to_port: int | None

    @classmethod
    def parse(cls, text: str) -> "ConnectTo":
        """SettingsError names the text; an IPv6 address stands in brackets."""
        match = _CONNECT_TO.fullmatch(text.strip())
        if match is None:
            raise SettingsError(f"connect-to {text!r} is not HOST:PORT:ADDRESS:PORT")
        host, port, address, to_port = (part.strip("[]") for part in match.groups())
        for number in (port, to_port):
            if number and not 0 < int(number) < 65536:
                raise SettingsError(f"connect-to {text!r}: port {number!r} is not in 1..65535")
        return cls(
            host=host.lower(),
            port=int(port) if port else None,
            address=address,
            to_port=int(to_port) if to_port else None,
        )

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.host}:{self.port or ''}:{address}:{self.to_port or ''}"


def setting(default: Any, doc: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A dataclass field with its documentation and range: one place for all three."""
    metadata = {"doc": doc, "low": low, "high": high}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its default. Names are those of `taxocrawl.toml` and, with dashes, of
    the command line.
    """

    # --- crawl: politeness
    contact: str = setting("", "URL or e-mail address that the user agent carries")
    concurrency: int = setting(32, "requests in flight, all sites together", low=1, high=1024)
    per_address: int = setting(4, "requests in flight to one IP address", low=1, high=64)
    max_pages: int = setting(4, "pages of one site, the home page included", low=1, high=50)
    crawl_delay_cap_s: float = setting(
        30.0, "longest Crawl-delay that is honoured; above it only the home page is read", low=0
    )
    retries: int = setting(2, "further tries after a passing fault", low=0, high=10)
    retry_after_cap_s: float = setting(60.0, "longest Retry-After that is waited for", low=0)
    # --- crawl: deadlines
    dns_timeout_s: float = setting(5.0, "one DNS look-up", low=0.1)
    connect_timeout_s: float = setting(10.0, "TCP connection", low=0.1)
    tls_timeout_s: float = setting(10.0, "TLS handshake", low=0.1)
    request_timeout_s: float = setting(20.0, "one request, first byte to last", low=0.1)
    site_timeout_s: float = setting(120.0, "all requests of one site", low=1)
    # --- crawl: caps
    body_bytes: int = setting(4 * 2**20, "longest response body as sent", low=1024)
    decoded_bytes: int = setting(8 * 2**20, "longest response body after decompression", low=1024)
    header_bytes: int = setting(64 * 2**10, "longest response header", low=1024)
    url_chars: int = setting(2083, "longest URL", low=64)
    redirects: int = setting(10, "redirects of one request", low=0, high=50)
    robots_bytes: int = setting(512 * 2**10, "part of robots.txt that is read", low=1024)
    # --- crawl: safety
    tls_verify: TlsVerify = setting(
        "strict", "strict: a bad certificate ends the site; warn: noted"
    )
    allow_private: bool = setting(False, "allow private, loopback and reserved addresses")
    connect_to: tuple[ConnectTo, ...] = setting(
        (), "HOST:PORT:ADDRESS:PORT, connect there instead (as curl does); repeatable"
    )
    renderer: str = setting(
        "", "module:name or file.py:name of a browser for sites empty without scripts"
    )
    # --- extraction
    extractors: tuple[str, ...] = setting(
        ("trafilatura", "baseline", "visible"),
        "rungs of the extraction ladder, the first with enough text speaks",
    )
    text_chars: int = setting(100_000, "longest main text of a page", low=1000)
    min_words: int = setting(25, "fewest words of a web page that are classified", low=1)
    min_words_of_text: int = setting(
        1, "fewest words of a bare text (no page around it) that are classified", low=1
    )
    # --- classification
    taxonomies: tuple[str, ...] = setting(
        ("iab-3.1",), "taxonomies to answer in (with a model of your own: its own)"
    )
    classifiers: tuple[str, ...] = setting(("ranker",), "classifiers that run; the first decides")
    encoder: str = setting("default", "encoder's name, or a sentence-transformers model or folder")
    model: str = setting("default", "model's name or folder")
    min_confidence: float | None = setting(
        None,
        "assert nodes from this confidence up (empty: the model's own thresholds)",
        low=0,
        high=1,
    )
    kind: DocumentKind = setting(
        "page", "what the texts are: page, or product for bare names of products"
    )
    aspects: tuple[Aspect, ...] = setting(
        ("form", "risk", "tags"), "what is said of a site beside its categories"
    )
    preset: RiskPreset = setting(
        "", "answer only the risks that count by a preset of risks (empty: all that are sure)"
    )
    forms_model: str = setting("forms", "model of form and risk: its name or folder")
    explain: tuple[str, ...] = setting(("words", "shap"), "explainers that run for every site")
    seed: int = setting(0, "seed of everything random", low=0)
    # --- workers
    workers: int = setting(0, "worker processes (0: one a core, two at least)", low=0, high=256)
    extract_timeout_s: float = setting(10.0, "extraction of one page", low=0.1)
    classify_timeout_s: float = setting(30.0, "classification of one batch", low=0.1)
    extract_memory_mib: int = setting(512, "memory an extraction may add", low=64)
    classify_memory_mib: int = setting(2048, "memory a classification may add", low=64)
    batch_size: int = setting(32, "documents classified at once", low=1, high=1024)
    # --- store
    keep_text: KeepText = setting("main", "page text that the store keeps: none, main, all")
    flush_sites: int = setting(200, "sites written in one transaction", low=1)
    flush_s: float = setting(2.0, "longest time a finished site waits to be written", low=0)
    # --- plugins
    plugins_dir: str = setting("", "folder of one-file plugins")
    block_plugins: tuple[str, ...] = setting(
        (), "plugins to leave out, by name, where two claim one name or one misbehaves"
    )
    strict_plugins: bool = setting(False, "stop when a plugin cannot be loaded")
    plugins: Mapping[str, Mapping[str, object]] = field(
        default_factory=dict,
        metadata={"doc": "one table a plugin: its own options", "low": None, "high": None},
    )


FIELDS: Mapping[str, "dataclasses.Field[Any]"] = {f.name: f for f in dataclasses.fields(Settings)}
_HINTS = typing.get_type_hints(Settings)


def load(
    *,
    environ: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
    overrides_from: str = "command line",
    file: Path | None = None,
) -> Settings:
    """Settings from all sources; SettingsError names the bad name or value and where it stood.

    `overrides` are those of `overrides_from`, None meaning not given. Without `file`,
    `taxocrawl.toml` of the working folder is read if there is one.
    """
    values: dict[str, object] = {}
    path = file or Path(SETTINGS_FILE)
    if file is not None or path.is_file():
        values |= _from_file(path)
    values |= _from_environment(environ)
    for name, value in (overrides or {}).items():
        if value is not None:
            values[name] = check(name, value, overrides_from)
    if "taxonomies" not in values and "model" in values:
        # A model of the user's own answers in one taxonomy, which so need not be said again.
        own = next(filter(None, map(taxonomy_of_model, _model_folders(str(values["model"])))), "")
        values |= {"taxonomies": (own,)} if own else {}
    return Settings(**values)  # type: ignore[arg-type]  # each value was checked against its field


def _model_folders(model: str) -> tuple[Path, Path]:
    return (SHIPPED_MODELS / model, Path(model))


def check(name: str, value: object, where: str) -> object:
    """The value in the field's own type; SettingsError where it does not fit."""
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SettingsError(f"{where}: unknown setting {name!r}{hint}")
    result = _convert(name, value, _HINTS[name], where)
    low, high = FIELDS[name].metadata["low"], FIELDS[name].metadata["high"]
    if isinstance(result, int | float) and not _within(result, low, high):
        bounds = f"at least {low}" if high is None else f"between {low} and {high}"
        raise SettingsError(f"{where}: {name} is {result}, must be {bounds}")
    return result


def _within(number: float, low: float | None, high: float | None) -> bool:
    return (low is None or number >= low) and (high is None or number <= high)


def as_json(settings: Settings) -> dict[str, object]:
    """Plain values for the `runs` table, tuples as lists."""
    plain: dict[str, object] = {}
    for name in FIELDS:
        value = getattr(settings, name)
        if isinstance(value, tuple):
            value = [str(item) for item in value]
        plain[name] = dict(value) if isinstance(value, Mapping) else value
    return plain


def _from_file(path: Path) -> dict[str, object]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    return {name: check(name, value, str(path)) for name, value in table.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, text in environ.items():
        name = key.removeprefix(ENVIRONMENT_PREFIX).lower()
        # Other tools of the project have variables of their own (TAXOCRAWL_DATA), so a name that
        # is no setting is left alone here, unlike in a file.
        if key.startswith(ENVIRONMENT_PREFIX) and name in FIELDS:
            values[name] = check(name, text, key)
    return values


def _convert(name: str, value: object, hint: object, where: str) -> object:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return None if value in (None, "") else _convert(name, value, arguments[0], where)
    if origin is Literal:
        if value not in arguments:
            raise SettingsError(f"{where}: {name} is {value!r}, must be one of {_list(arguments)}")
        return value
    if origin is tuple:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise SettingsError(f"{where}: {name} is {value!r}, must be a list")
        return tuple(
            _convert(name, item.strip() if isinstance(item, str) else item, arguments[0], where)
            for item in items
            if item != ""
        )
    if hint is ConnectTo:
        return value if isinstance(value, ConnectTo) else ConnectTo.parse(str(value))
    if origin is not None:  # the one mapping: tables of plugins
        if not isinstance(value, Mapping):
            raise SettingsError(f"{where}: {name} is {value!r}, must be a table")
        return dict(value)
    return _scalar(name, value, hint, where)


def _scalar(name: str, value: object, hint: object, where: str) -> object:
    if hint is bool:
        words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if isinstance(value, bool):
            return value
        if str(value).lower() in words:
            return words[str(value).lower()]
        raise SettingsError(f"{where}: {name} is {value!r}, must be true or false")
    if hint is str:
        return str(value)
    kind = int if hint is int else float
    if isinstance(value, bool):
        raise SettingsError(f"{where}: {name} is {value!r}, must be a number")
    try:
        number = kind(typing.cast(typing.Any, value))
    except (TypeError, ValueError):
        raise SettingsError(f"{where}: {name} is {value!r}, must be a number") from None
    if number != number:
        raise SettingsError(f"{where}: {name} is {value!r}, must be a number")
    return number


def _list(words: tuple[object, ...]) -> str:
    return ", ".join(str(word) for word in words)
