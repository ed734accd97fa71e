"""Which further pages of a site say most about it. Pure; links in, addresses out."""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from taxocrawl import domains
from taxocrawl.records import Link

LINKS_READ = 1000
PATH_DEPTH = 3
SEGMENT_REPEATS = 2

# Words that lead to pages about the site itself and about what it offers, by what they lead to.
# Whole words of a link's text or address, folded; prefixes with a trailing `*`.
_WORDS: dict[str, tuple[float, str]] = {
    "about": (
        3.0,
        "about aboutus about-us who-we-are whoweare company our-company our-story profile mission "
        "ueber uber über ueber-uns über-uns wir-über-uns unternehmen firma profil "
        "apropos à-propos a-propos qui-sommes-nous quisommesnous entreprise société societe "
        "acerca sobre quienes quiénes quienes-somos nosotros empresa conocenos conócenos "
        "sobre-nos sobre-nós quem-somos chi-siamo chisiamo azienda "
        "over over-ons overons bedrijf om om-os om-oss omoss om-oss virksomhet meist meistä yritys "
        "o-nas onas o-nás o-firmie firmie spolecnost společnost rolunk rólunk bemutatkozas "
        "despre despre-noi за-нас о-нас о-компании компания о про-нас про компанія "
        "hakkimizda hakkımızda kurumsal σχετικά ποιοι-είμαστε εταιρεία "
        "من-نحن عن-الشركة about-jp 会社概要 会社案内 企業情報 私たちについて について "
        "关于我们 关于 公司简介 關於我們 關於 회사소개 소개 เกี่ยวกับเรา "
        "giới-thiệu tentang tentang-kami "
        "אודות हमारे-बारे-में درباره-ما درباره",
    ),
    "products": (
        2.6,
        "product* shop store catalog* catalogue collection collections range "
        "produkt* sortiment katalog* artikel produit* boutique catalogue "
        "producto* tienda catálogo catalogo produto* loja prodotti prodotto negozio "
        "producten winkel assortiment produkter butikk butik sortiment tuotteet kauppa "
        "produkty sklep oferta vyrobky výrobky obchod termékek termekek bolt produse magazin "
        "продукты продукция товары каталог магазин продукти "
        "ürünler urunler mağaza προϊόντα κατάστημα منتجات المنتجات متجر "
        "製品 製品情報 商品 商品一覧 ショップ 产品 产品中心 產品 商店 제품 상품 쇼핑 สินค้า "
        "sản-phẩm produk "
        "מוצרים उत्पाद محصولات",
    ),
    "services": (
        2.6,
        "service* solution* what-we-do our-work treatments practice-areas expertise industries "
        "leistung* dienstleistung* loesungen lösungen angebot prestation* solutions métiers "
        "servicio* soluciones serviço* servico* soluções serviz* soluzioni attivita attività "
        "diensten oplossingen tjenester tjänster ydelser palvelut ratkaisut "
        "uslugi usługi sluzby služby szolgáltatás* szolgaltatas* servicii "
        "услуги решения послуги hizmet* hizmetler υπηρεσίες خدمات خدماتنا "
        "サービス 事業内容 事業 业务 服务 服務 서비스 사업 บริการ dịch-vụ layanan שירותים सेवाएं",
    ),
    "topics": (
        2.0,
        "categor* topic* section* department* menu rooms courses programs programmes academics "
        "kategorie* themen rubrik* speisekarte zimmer kurse rubriques catégorie* thèmes carte "
        "categoría* secciones carta habitaciones cursos categoria* seções cardápio sezioni menù "
        "corsi camere rubrieken onderwerpen kategorier emner ämnen kategoriat "
        "kategorie działy témata rubriky kategóriák categorii категории рубрики разделы "
        "kategoriler κατηγορίες اقسام الأقسام カテゴリ カテゴリー 分类 栏目 分類 카테고리 메뉴 "
        "หมวดหมู่ danh-mục kategori קטגוריות श्रेणियाँ",
    ),
    "news": (
        1.0,
        "news blog articles magazine stories projects portfolio features faq "
        "neuigkeiten aktuelles magazin projekte actualites actualités projets noticias artículos "
        "proyectos notícias projetos notizie novità progetti nieuws nyheter nyheder uutiset "
        "aktualności aktualnosci novinky hírek stiri știri новости новини haberler νέα "
        "اخبار أخبار ニュース お知らせ 新闻 新聞 뉴스 소식 ข่าว tin-tức berita חדשות समाचार",
    ),
}

# Pages that say nothing about the topic, by whole words: `research` is no search page.
_DULL = re.compile(
    r"(?<![^\W_])(?:log-?in|log-?out|sign-?in|sign-?up|signin|register|account|my-account|anmelden"
    r"|anmeldung|konto|mein-konto|connexion|compte|cuenta|acceso|cart|basket|checkout|warenkorb"
    r"|panier|carrito|wishlist|privacy|datenschutz\w*|cookies?|gdpr|terms|agb|impressum|imprint"
    r"|legal|mentions|aviso|disclaimer|sitemap|rss|feed|search|suche|buscar|recherche|print|share"
    r"|password|admin|wp-admin|wp-json|xmlrpc|cdn-cgi|careers?|jobs?|karriere|stellenangebote"
    r"|contacts?|contact-us|kontakt|contacto|contato|contatti|accessibility|returns|shipping"
    r"|versand|newsletter|unsubscribe|вход|регистрация|корзина|контакты)(?![^\W_])"
    r"|ログイン|お問い合わせ|登录|注册|联系我们|로그인|장바구니",
    re.IGNORECASE,
)
_FILES = re.compile(
    r"\.(?:pdf|docx?|xlsx?|pptx?|odt|zip|rar|7z|gz|tar|exe|dmg|apk|iso|jpe?g|png|gif|webp|svg|ico"
    r"|bmp|tiff?|mp[34]|m4[av]|avi|mov|wmv|webm|ogg|wav|css|js|json|xml|rss|atom|txt|csv|ics|vcf"
    r"|woff2?|ttf|eot|swf)$",
    re.IGNORECASE,
)
_TRACKING = re.compile(
    r"utm_\w+|mtm_\w+|pk_\w+|hsa_\w+|_hs\w+|[gd]clid|gbraid|wbraid|fbclid|msclkid|yclid|twclid|igshid"
    r"|mc_[ce]id|ref|ref_src|referrer|source|campaign|_ga|_gl|phpsessid|jsessionid|aspsessionid\w*"
    r"|sid|session_?id|sess|cfid|cftoken|osCsid|zenid|s_cid|trk|spm",
    re.IGNORECASE,
)
_PATH_SESSION = re.compile(r";(?:jsessionid|sid|phpsessid)=[^/?#]*", re.IGNORECASE)
_WORD = re.compile(r"[\w'’-]+")


def choose(
    links: Iterable[Link], *, home: str, count: int, seen: frozenset[str], url_chars: int
) -> tuple[str, ...]:
    """At most `count` addresses of the home page's site, those that say most first.

    The first 1,000 links are read. Different kinds of page come before a second of one kind.
    """
    best: dict[str, tuple[float, str]] = {}
    home_address = domains.web_address(home)
    if home_address is None:
        return ()
    for place, link in enumerate(links):
        if place >= LINKS_READ:
            break
        if link.nofollow:
            continue
        url = clean(link.url, base=home)
        if url is None or url in seen or len(url) > url_chars or _is_trap(url):
            continue
        address = domains.web_address(url)
        if address is None or not domains.same_site(address.host, home_address.host):
            continue
        kind, score = _score(link.text, url)
        # Navigation comes first on a page, so of two equal links the earlier is the better.
        score -= place / LINKS_READ
        if score > 0 and score > best.get(url, (0.0, ""))[0]:
            best[url] = (score, kind)
    ranked = sorted(best.items(), key=lambda item: -item[1][0])
    firsts: dict[str, str] = {}
    for url, (_, kind) in ranked:
        if kind:
            firsts.setdefault(kind, url)
    chosen = dict.fromkeys((*firsts.values(), *(url for url, _ in ranked)))
    return tuple(chosen)[:count]


def clean(url: str, *, base: str = "") -> str | None:
    """The address without fragment, credentials, session and tracking; None if no web page's."""
    address = domains.web_address(url, base)
    if address is None:
        return None
    parts = urlsplit(address.url)
    path = _PATH_SESSION.sub("", parts.path)
    query = parts.query
    if query:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=None)
        kept = [(name, value) for name, value in pairs if not _TRACKING.fullmatch(name)]
        query = urlencode(kept) if len(kept) != len(pairs) else query
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def _is_trap(url: str) -> bool:
    """Calendars, session mazes and /a/a/a (S01), and files that are no pages."""
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    if len(segments) > PATH_DEPTH or _FILES.search(parts.path):
        return True
    if any(segments.count(segment) > SEGMENT_REPEATS for segment in segments):
        return True
    return parts.query.count("&") > 1


def _score(text: str, url: str) -> tuple[str, float]:
    """(kind, score) of one link; the score of a link that no word speaks for is below 1."""
    parts = urlsplit(url)
    path = unquote(parts.path).casefold()
    folded = " ".join(text.casefold().split())
    if _DULL.search(path) or _DULL.search(folded[:60]) or path in ("", "/"):
        return "", 0.0
    depth = sum(1 for segment in path.split("/") if segment)
    score, kind = 0.9 - 0.15 * depth - (0.3 if parts.query else 0.0), ""
    # A short text is a label of the navigation; a long one is a headline that merely has the word.
    if len(folded) <= 40:
        score, kind = _best(folded, score, kind, share=1.0)
    last = re.sub(r"\.[a-z]{2,5}$", "", path.rstrip("/").rsplit("/", 1)[-1])
    score, kind = _best(last, score, kind, share=0.9 - 0.1 * depth)
    return kind, score


def _best(words: str, score: float, kind: str, *, share: float) -> tuple[float, str]:
    for candidate in _candidates(words):
        found = _LOOKUP.get(candidate) or next(
            (value for prefix, value in _PREFIXES if candidate.startswith(prefix)), None
        )
        if found and 1.0 + found[0] * share > score:
            score, kind = 1.0 + found[0] * share, found[1]
    return score, kind


def _candidates(words: str) -> list[str]:
    tokens = _WORD.findall(words.replace("_", "-"))
    whole = "-".join(tokens)
    split = [part for token in tokens for part in token.split("-") if part]
    # One word among many says less: only short labels are read word by word.
    return [whole, *tokens, *(split if len(split) <= 3 else ())]


def _table() -> tuple[dict[str, tuple[float, str]], tuple[tuple[str, tuple[float, str]], ...]]:
    exact: dict[str, tuple[float, str]] = {}
    prefixes: dict[str, tuple[float, str]] = {}
    for kind, (weight, words) in _WORDS.items():
        for word in words.split():
            table = prefixes if word.endswith("*") else exact
            table.setdefault(word.rstrip("*"), (weight, kind))
    return exact, tuple(prefixes.items())


_LOOKUP, _PREFIXES = _table()
