"""Signs in markup and headers that a page is no topical page; `site_status` judges them by the
text.
"""

import re
from typing import Any

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
    r"(?<![a-z])(?:log-?_?in|sign-?_?(?:in|up|on)|log-?on|regist(?:er|ration|rieren|ro|rar|rer|race|"
    r"racija)?|regisztracio|rejestracja|logowanie|belepes|anmeld(?:en|ung)|inloggen|connexion|"
    r"inscription|accedi|entrar|(?:forgot(?:ten)?|lost|reset|change)?[-_]?_?passwor[dt]|senha|"
    r"resetpassword|esqueceusenha|wp-signup|adduser|authenticate)(?![a-z])"
)
_APP_ROOT_IDS = (
    "root app __next __nuxt ___gatsby app-root svelte q-app main-app react-root reactroot"
)
_APP_ROOTS = frozenset(_APP_ROOT_IDS.split())
_APP_TAGS = ("app-root", "my-app", "flutter-view", "ion-app")
_MANY_SCRIPTS = 2

# (rule, kind, detail, pattern of the markup). None decides alone: Cloudflare adds its script
# to the pages that it lets through, and every second contact form has a captcha.
_MARKERS: tuple[tuple[str, OutcomeKind, str, re.Pattern[str]], ...] = tuple(
    (rule, kind, detail, re.compile(pattern, re.IGNORECASE))  # type: ignore[misc]
    for rule, kind, detail, pattern in (
        (
            "challenge",
            "bot_check",
            "js_challenge",
            r"cf[-_]chl|challenge-form|/cdn-cgi/challenge-platform|cf-browser-verification|"
            r"_incapsula_resource|ddos-guard|sucuri_cloudproxy|awswafcookiedomainlist|"
            r"/_sec/cp_challenge|ak-challenge|__ddg|aes\.js.{0,200}slowaes",
        ),
        (
            "captcha",
            "bot_check",
            "captcha",
            r"px-captcha|captcha-delivery\.com|geetest|funcaptcha|arkoselabs|captcha-container|"
            r"distil_r_captcha|class=[\"']?(?:g-recaptcha|h-captcha|cf-turnstile)",
        ),
        (
            "parking_service",
            "parked",
            "parking",
            r"sedoparking|parkingcrew|parklogic|bodiscdn|bodis\.com|cashparking|domainparking|"
            r"hugedomains\.com|afternic\.com|undeveloped\.com|dan\.com/(?:buy|domain)|skenzo|"
            r"namebright|smartname\.com|above\.com/marketplace|parking\.reg\.ru|trafficz|"
            r"domainsponsor|uniregistry|parkweb|park\.io|domain_profile\.cfm|fabulous\.com",
        ),
    )
)


def of_page(page: Page, tree: Any, html: str) -> tuple[StatusHint, ...]:
    """Signs of one parsed page, scripts and hidden elements still in its tree."""
    hints = []
    if page.header("cf-mitigated"):
        hints.append(StatusHint(kind="bot_check", detail="js_challenge", rule="cf_mitigated"))
    for rule, kind, detail, pattern in _MARKERS:
        if pattern.search(html):
            hints.append(StatusHint(kind=kind, detail=detail, rule=rule))
    if _LOGIN_PATH.search(page.url.partition("://")[2].partition("/")[2].lower()):
        hints.append(StatusHint(kind="gated", detail="login", rule="login_path"))
    if any((e.get("type") or "").lower() == "password" for e in tree.iter("input")):
        hints.append(StatusHint(kind="gated", detail="login", rule="password_field"))
    return (*hints, *_signs_of_scripts(tree))


def _signs_of_scripts(tree: Any) -> tuple[StatusHint, ...]:
    hints = []
    blocks = tree.iter("div", "main", "body")
    if next(tree.iter(*_APP_TAGS), None) is not None or any(
        element.get("id") in _APP_ROOTS for element in blocks
    ):
        hints.append("app_root")
    texts = ("".join(element.itertext()) for element in tree.iter("noscript"))
    if any(ASKS_FOR_JAVASCRIPT.search(text) for text in texts):
        hints.append("asks_for_javascript")
    scripts = sum("ld+json" not in (element.get("type") or "") for element in tree.iter("script"))
    if scripts >= _MANY_SCRIPTS:
        hints.append("scripts")
    elif scripts:
        hints.append("script")
    return tuple(StatusHint(kind="script_only", detail=rule, rule=rule) for rule in hints)
