"""Pages without a topic (C11, C12, C21 to C25): every rule says so in words of our own."""

import pytest
from extraction_pages import SENTENCES

from taxocrawl.extraction.site_status import page_status, site_status
from taxocrawl.extraction.status_rules import rules
from taxocrawl.records import OUTCOMES, Extract
from taxocrawl.settings import Settings

SETTINGS = Settings()
FORM = '<form><input name="user"><input type="password" name="p"></form>'


def shown(title: str, text: str, extra: str = "") -> str:
    return f"<html><title>{title}</title><body><h1>{title}</h1><p>{text}</p>{extra}</body></html>"


CASES = [
    # bot_check
    ("bot_check", "js_challenge", shown("Just a moment...", "Checking your browser first.")),
    ("bot_check", "js_challenge", shown("Nur einen Moment…", "")),
    ("bot_check", "js_challenge", shown("请稍候…", "")),
    ("bot_check", "captcha", shown("Are you a robot?", "Tick the box to show that you are not.")),
    ("bot_check", "captcha", shown("Shop", "We saw unusual traffic from your computer network.")),
    (
        "bot_check",
        "access_denied",
        shown(
            "Access denied", "The site owner does not let you in. Ray ID: 12ab, your IP: 1.2.3.4"
        ),
    ),
    ("bot_check", "access_denied", shown("403 Forbidden", "")),
    (
        "bot_check",
        "access_denied",
        shown("Sorry", "Request unsuccessful. Incapsula incident ID: 1-2"),
    ),
    # parked
    ("parked", "for_sale", shown("boats.example is for sale", "Make an offer for this domain.")),
    ("parked", "for_sale", shown("Domain", "Diese Domain steht zum Verkauf.")),
    ("parked", "for_sale", shown("Nom", "Ce nom de domaine est à vendre, contactez-nous.")),
    ("parked", "for_sale", shown("Домен", "Этот домен продается, пишите нам.")),
    ("parked", "for_sale", shown("域名", "此域名正在出售，请联系我们。")),
    ("parked", "parking", shown("boats.example", "This domain is parked free by a registrar.")),
    ("parked", "parking", shown("Welkom", "Deze domeinnaam is geregistreerd door een klant.")),
    ("parked", "suspended", shown("Account Suspended", "Please contact your hosting provider.")),
    ("parked", "suspended", shown("Oops", "This website has been temporarily disabled.")),
    ("parked", "server_default", shown("Welcome to nginx!", "Further configuration is required.")),
    ("parked", "server_default", shown("Apache2 Ubuntu Default Page", "It works!")),
    ("parked", "server_default", shown("Index of /", "Parent Directory")),
    ("parked", "construction", shown("Coming soon", "Our new shop opens in spring.")),
    ("parked", "construction", shown("Willkommen", "Hier entsteht unsere neue Seite.")),
    ("parked", "construction", shown("ようこそ", "ホームページは準備中です")),
    # soft404
    ("soft404", "not_found", shown("404", "Nothing here.")),
    ("soft404", "not_found", shown("Page not found", "Try the menu instead.")),
    ("soft404", "not_found", shown("Seite nicht gefunden", "Bitte nutzen Sie die Suche.")),
    ("soft404", "not_found", shown("Página no encontrada", "")),
    ("soft404", "not_found", shown("Страница не найдена", "")),
    ("soft404", "not_found", shown("页面不存在", "")),
    ("soft404", "not_found", shown("ページが見つかりません", "")),
    ("soft404", "not_found", shown("Our shop", "Sorry, the page you want could not be found.")),
    ("soft404", "server_error", shown("Internal Server Error", "")),
    ("soft404", "server_error", shown("503 Service Unavailable", "")),
    ("soft404", "server_error", shown("Blog", "Error establishing a database connection")),
    ("soft404", "server_error", shown("x", "Fatal error: Uncaught Error: no in /a.php on line 3")),
    # gated
    ("gated", "login", shown("Sign in", "Enter your name and password.", FORM)),
    ("gated", "login", shown("Anmelden", "Benutzername und Kennwort", FORM)),
    ("gated", "login", shown("ログイン", "", FORM)),
    ("gated", "login", shown("Intranet", "Password", FORM)),
    ("gated", "login", shown("Members", "You must be logged in to view this page.")),
    ("gated", "age", shown("Old Distillery", "You must be of legal drinking age to enter.")),
    ("gated", "age", shown("Sind Sie über 18?", "Ja oder nein")),
    ("gated", "consent", shown("Before you continue", "We use cookies and data to run the site.")),
    ("gated", "cookies", shown("Shop", "Please enable cookies in your browser to continue.")),
    ("gated", "paywall", shown("The tide", "Subscribe to continue reading this article.")),
    ("gated", "region", shown("Sorry", "This service is not available in your country.")),
    # too little
    ("empty", "", "<html><body></body></html>"),
    ("empty", "frames", "<html><frameset><frame src=/a></frameset></html>"),
    ("script_only", "", '<body><div id="root"></div><script src=/a.js></script></body>'),
    ("script_only", "", "<body><script src=a></script><script src=b></script></body>"),
    ("thin", "", "<title>Boats</title><p>Two boats and an oar.</p>"),
    ("not_html", "pdf", "%PDF-1.7"),
]


@pytest.mark.parametrize(
    ("kind", "detail", "body"), CASES, ids=[f"{k}-{d}-{i}" for i, (k, d, _) in enumerate(CASES)]
)
def test_a_page_that_has_no_topic_says_so(extract, kind, detail, body):
    hint = page_status(extract(body), SETTINGS)
    assert hint is not None
    assert (hint.kind, hint.detail if kind != "thin" else "") == (kind, detail)


GOOD = [
    shown("Boats", SENTENCES),
    shown("Homes for sale", f"We sell houses by the sea. {SENTENCES}"),
    shown("How to buy a domain name", f"A guide to registrars. {SENTENCES * 6}"),
    shown("What is a 404 error?", f"Servers answer with numbers. {SENTENCES * 6}"),
    shown("Boats", f"{SENTENCES} <a href=/login>Log in</a>", FORM),
    shown("Film news", f"Coming soon to the cinema: a film about boats. {SENTENCES}"),
    shown("Under construction: the new bridge", f"Work goes on at night. {SENTENCES * 3}"),
    shown("Fine wines", f"Drink responsibly: you must be of legal age to order. {SENTENCES * 2}"),
    shown("Boats", f"{SENTENCES} We use cookies. Accept all cookies to continue."),
    shown("History of captcha", f"Are you human? That is the question. {SENTENCES * 4}"),
    f'<title>Boats</title><div id="app"><p>{SENTENCES}</p></div><script></script><script></script>',
    "<title>Wooden boats, repaired in the old harbour since the year of the flood</title>"
    "<meta name=description content='We build and repair sailing boats of oak and larch for owners"
    " who want them to last a hundred years'><div id=root></div><script></script>",
]


@pytest.mark.parametrize("body", GOOD, ids=range(len(GOOD)))
def test_a_page_with_something_to_say_is_left_to_the_classifier(extract, body):
    assert page_status(extract(body), SETTINGS) is None


def test_a_challenge_header_decides(extract):
    found = extract("<p>x</p>", headers=(("cf-mitigated", "challenge"),))
    hint = page_status(found, SETTINGS)
    assert hint is not None
    assert (hint.kind, hint.rule) == ("bot_check", "cf_mitigated")


def test_fewer_words_are_enough_where_the_setting_says_so(extract):
    found = extract("<title>Boats</title><p>Two boats and an oar.</p>")
    assert page_status(found, Settings(min_words=3)) is None


def page(title: str, text: str = "") -> Extract:
    return Extract(url="https://x.example/", title=title, text=text, text_words=len(text.split()))


PARKED, LOST = page("This domain is for sale"), page("Page not found")
LOGIN, THIN, RICH = page("Before you continue"), page("Boats"), page("Boats", SENTENCES)


@pytest.mark.parametrize(
    ("pages", "kind"),
    [
        ((RICH,), None),
        ((RICH, LOST), None),
        ((PARKED, RICH), "parked"),
        ((LOST, RICH), "soft404"),
        ((LOGIN, RICH), None),
        ((THIN, LOST, RICH), None),
        ((LOGIN, THIN), "gated"),
        ((THIN, PARKED), "empty"),
        ((), "empty"),
    ],
    ids=["good", "good-home", "parked", "lost", "gate+good", "thin+good", "gate", "thin", "none"],
)
def test_precedence_of_a_site(pages, kind):
    hint = site_status(pages, SETTINGS)
    assert (hint.kind if hint else None) == kind


def test_every_rule_has_a_name_of_its_own_and_a_kind_that_exists():
    names = [rule.name for rule in rules()]
    assert len(set(names)) == len(names)
    assert all(rule.kind in OUTCOMES for rule in rules())
    assert all(rule.head or rule.text for rule in rules())
