"""Signs in markup and headers that a page is no topical page; `site_status` judges them by the
text.
"""

import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lxml import etree

from taxocrawl.extraction.structured import tidy
from taxocrawl.records import OutcomeKind, Page, StatusHint

ASKS_FOR_JAVASCRIPT = re.compile(
    r"(?:enable|activate|turn(?:ing)? on|allow|requires?|needs?|without|support)\s+java\s?script"
    r"|java\s?script\s+(?:is\s+|to be\s+|must be\s+)?(?:currently\s+)?"
    r"(?:disabled|required|enabled|deactivated|turned off)"
    r"|(?:aktivieren sie|bitte)\b.{0,40}java\s?script|java\s?script.{0,30}(?:aktivier|deaktiviert)"
    r"|(?:activer|activez|activa|activar|habilita[r]?|habilite|ative|attiva[re]?|abilita[re]?)\b"
    r".{0,30}java\s?script|java\s?script.{0,40}(?:désactivé|deshabilitado|desactivado|disattivato)"
    r"|(?:включите|включить|włącz|inschakelen|aktivera|aktiver)\b.{0,20}java\s?script"
    r"|java\s?script.{0,20}(?:有効|启用|啟用|필요|を有効)",
    re.IGNORECASE,
)

_LOGIN_PATH = re.compile(
    r"(?<![a-z])(?<!domain-)(?:log-?_?in|sign-?_?(?:in|up|on)|log-?on|regist(?:er|ration|rieren|ro|rar|rer|race|"
    r"racija)?|regisztracio|rejestracja|logowanie|belepes|anmeld(?:en|ung)|inloggen|connexion|"
    r"inscription|accedi|entrar|(?:forgot(?:ten)?|lost|reset|change)?[-_]?_?passwor[dt]|senha|"
    r"resetpassword|passvergessen|esqueceusenha|wp-signup|adduser|authenticate)(?![a-z])"
)
_APP_ROOT_IDS = (
    "root app __next __nuxt ___gatsby app-root svelte q-app main-app react-root reactroot"
)
_APP_ROOTS = frozenset(_APP_ROOT_IDS.split())
_APP_TAGS = ("app-root", "my-app", "flutter-view", "ion-app")
# An element of the page's own making at the top of its body, or a game's canvas.
_APP_SHELL = etree.XPath(
    "boolean(/html/body/*[contains(name(), '-')]"
    " | //*[@id='unity-container' or @id='unity-canvas'])"
)
_MANY_SCRIPTS = 2
MAX_NOSCRIPTS = 20
MAX_PIECES = 500

# Words of a page above which no marker matters: Cloudflare adds its script to pages that it lets
# through, and every second contact form has a captcha.
FEW_WORDS = 200
_SEARCHED_CHARS = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marker:
    rule: str
    kind: OutcomeKind
    detail: str
    strings: tuple[str, ...]


_MARKERS = (
    _Marker(
        rule="challenge",
        kind="bot_check",
        detail="js_challenge",
        strings=(
            *("cf-chl", "cf_chl", "challenge-form", "/cdn-cgi/challenge-platform"),
            *("cf-browser-verification", "_incapsula_resource", "ddos-guard", "sucuri_cloudproxy"),
            *("awswafcookiedomainlist", "/_sec/cp_challenge", "ak-challenge", "__ddg"),
        ),
    ),
    _Marker(
        rule="captcha",
        kind="bot_check",
        detail="captcha",
        strings=(
            *("px-captcha", "captcha-delivery.com", "geetest", "funcaptcha", "arkoselabs"),
            *("captcha-container", "distil_r_captcha", "g-recaptcha", "h-captcha", "cf-turnstile"),
        ),
    ),
    _Marker(
        rule="parking_service",
        kind="parked",
        detail="parking",
        strings=(
            *("sedoparking", "parkingcrew", "parklogic", "bodiscdn", "bodis.com", "cashparking"),
            *("domainparking", "hugedomains.com", "afternic.com", "undeveloped.com", "skenzo"),
            *("dan.com/buy", "namebright", "smartname.com", "above.com/marketplace", "trafficz"),
            *("parking.reg.ru", "domainsponsor", "uniregistry", "parkweb", "domain_profile.cfm"),
        ),
    ),
)


def of_markup(html: str) -> tuple[StatusHint, ...]:
    """Signs in the source of a page of few words."""
    source = html[:_SEARCHED_CHARS].lower()
    return tuple(
        StatusHint(kind=marker.kind, detail=marker.detail, rule=marker.rule)
        for marker in _MARKERS
        if any(string in source for string in marker.strings)
    )


def noscript_texts(tree: Any) -> tuple[str, ...]:
    """Texts of the first noscript elements, each within bounds."""
    return tuple(
        tidy(" ".join(islice(element.itertext(), MAX_PIECES)))
        for element in islice(tree.iter("noscript"), MAX_NOSCRIPTS)
    )


def of_address(url: str) -> tuple[StatusHint, ...]:
    """What the path of an address says: a page for logging in, registering, lost passwords."""
    if not _LOGIN_PATH.search(url.partition("://")[2].partition("/")[2].lower()):
        return ()
    return (StatusHint(kind="gated", detail="login", rule="login_path"),)


def of_tree(page: Page, tree: Any) -> tuple[StatusHint, ...]:
    """Signs of one parsed page, scripts and hidden elements still in its tree."""
    hints = []
    if page.header("cf-mitigated"):
        hints.append(StatusHint(kind="bot_check", detail="js_challenge", rule="cf_mitigated"))
    hints.extend(of_address(page.url))
    if any((e.get("type") or "").lower() == "password" for e in tree.iter("input")):
        hints.append(StatusHint(kind="gated", detail="login", rule="password_field"))
    return (*hints, *_signs_of_scripts(tree))


def _signs_of_scripts(tree: Any) -> tuple[StatusHint, ...]:
    hints = []
    blocks = tree.iter("div", "main", "body")
    if (
        next(tree.iter(*_APP_TAGS), None) is not None
        or any(element.get("id") in _APP_ROOTS for element in blocks)
        or _APP_SHELL(tree)
    ):
        hints.append("app_root")
    if any(map(ASKS_FOR_JAVASCRIPT.search, noscript_texts(tree))):
        hints.append("asks_for_javascript")
    scripts = sum("ld+json" not in (element.get("type") or "") for element in tree.iter("script"))
    if scripts >= _MANY_SCRIPTS:
        hints.append("scripts")
    elif scripts:
        hints.append("script")
    return tuple(StatusHint(kind="script_only", detail=rule, rule=rule) for rule in hints)
