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
        "אודות हमारे-बारे-में परिचय درباره-ما درباره "
        "history our-history heritage story our-firm the-firm who-we-serve vision our-team team "
        "geschichte ueber-den-verein team histoire notre-histoire "
        "l'entreprise qui-suis-je equipo historia la-empresa a-empresa história equipe equipa "
        "storia la-storia l'azienda chi-sono geschiedenis onze-school ons-verhaal "
        "historie o-spolocnosti o-mne o-mnie historia-firmy historik "
        "om-foreningen om-museet om-selskabet historia-yritys meistä-yrityksenä bemutatkozás "
        "történet despre-companie istoric история о-заводе о-школе історія pro-nas za-nas "
        "tarihçe hakkimda biz-kimiz ιστορία η-εταιρεία sxetika sxetika-me-emas profil-perusahaan "
        "lịch-sử về-chúng-tôi profil-sekolah sejarah ประวัติ 当館について 沿革 ごあいさつ 学校案内 "
        "企业简介 公司概况 学校概况 品牌故事 인사말 연혁 تاريخنا نبذة تاریخچه",
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
        "מוצרים उत्पाद محصولات "
        "our-products all-products brands ranges nos-produits marques la-carte "
        "nuestros-productos marcas nossos-produtos i-nostri-prodotti marchi "
        "onze-producten merken varumärken varumarken märken mærker merker tuotemerkit značky "
        "marki nasze-produkty naše-produkty termékeink produsele-noastre наша-продукция товари "
        "продукти каталог-продукции ürünlerimiz proionta proionta-mas markalar sanpham san-pham "
        "produk-kami 产品展示 全部商品 商品介绍 取扱商品 製品案内 제품소개 상품소개 ยี่ห้อ",
    ),
    "services": (
        2.6,
        "service* solution* what-we-do our-work treatments practice-areas expertise industries "
        "leistung* dienstleistung* loesungen lösungen angebot prestation* solutions métiers "
        "servicio* soluciones serviço* servico* soluções serviz* soluzioni attivita attività "
        "diensten oplossingen tjenester tjänster ydelser palvelut ratkaisut "
        "uslugi usługi sluzby služby szolgáltatás* szolgaltatas* servicii "
        "услуги решения послуги hizmet* hizmetler υπηρεσίες خدمات خدماتنا "
        "サービス 事業内容 事業 业务 服务 服務 서비스 사업 บริการ dịch-vụ layanan שירותים सेवाएं "
        "offer our-services our-solutions specialties specialities areas-of-practice "
        "treatments fachgebiete fachbereiche spezialgebiete behandlungen "
        "unser-angebot tätigkeitsfelder nos-services spécialités métiers nos-métiers soins "
        "especialidad* tratamientos nuestros-servicios especialidades tratamentos áreas-de-atuação "
        "specialità trattamenti i-nostri-servizi specialismen behandelingen aanbod ons-aanbod "
        "oferta specjalizacje zabiegi cennik nabídka sortiment specializace szakterület* "
        "szolgáltatásaink serviciile-noastre specialități наши-услуги направления специализация "
        "poslugy наші-послуги uslugi hizmetlerimiz tedavi* ypiresies oi-ypiresies-mas layanan-kami "
        "dich-vu 服务项目 服务支持 业务范围 業務內容 業務案内 診療案内 施工事例 사업분야 진료과목 "
        "خدماتنا خدمات-ما השירותים-שלנו",
    ),
    "topics": (
        2.0,
        "categor* topic* section* department* menu rooms courses programs programmes academics "
        "kategorie* themen rubrik* speisekarte zimmer kurse rubriques catégorie* thèmes carte "
        "categoría* secciones carta habitaciones cursos categoria* seções cardápio sezioni menù "
        "corsi camere rubrieken onderwerpen kategorier emner ämnen kategoriat "
        "kategorie działy témata rubriky kategóriák categorii категории рубрики разделы "
        "kategoriler κατηγορίες اقسام الأقسام カテゴリ カテゴリー 分类 栏目 分類 카테고리 메뉴 "
        "หมวดหมู่ danh-mục kategori קטגוריות श्रेणियाँ "
        "sport politics business economy culture exhibitions collections curriculum "
        "education schools faculties abteilungen ausstellungen sammlung* politik wirtschaft kultur "
        "studiengänge fakultäten gottesdienste chambres nos-chambres expositions formations "
        "sport politique économie culture exposiciones colecciones deportes "
        "política economía cultura facultades exposições coleções desporto esporte mostre "
        "collezioni la-carta sport politica economia onderwijs opleidingen tentoonstellingen "
        "udstillinger samlinger utställningar samlingar utstillinger näyttelyt kokoelmat koulutus "
        "utbildningar uddannelser wystawy kolekcje kierunki działy výstavy sbírky spolky turistika "
        "obory étlap etlap kiállítások képzések meniu camere expoziții отделения выставки курсы "
        "меню программы образование відділення viddilennya виставки освіта bölümler menü "
        "programlar μενού τμήματα منو دوره‌ها قائمة-الطعام البرامج תפריט קורסים पाठ्यक्रम विभाग "
        "program-studi program* jurusan thực-đơn ngành หลักสูตร เมนู お部屋 お料理 料理 客室 学科 "
        "コース 展示 课程 专业 菜单 客房 院系 課程 학과 교육과정 객실",
    ),
    "news": (
        1.0,
        "news blog articles magazine stories projects portfolio features faq "
        "neuigkeiten aktuelles magazin projekte actualites actualités projets noticias artículos "
        "proyectos notícias projetos notizie novità progetti nieuws nyheter nyheder uutiset "
        "aktualności aktualnosci novinky hírek stiri știri новости новини haberler νέα "
        "اخبار أخبار ニュース お知らせ 新闻 新聞 뉴스 소식 ข่าว tin-tức berita חדשות समाचार "
        "references work our-work gallery references-projects referenzen galerie réalisations "
        "références realizaciones galería realizações galeria realizzazioni referenze "
        "referenties "
        "referencje realizacje reference realizace referenser referencer projekt* galleri "
        "referenciák galéria portofoliu проекты портфолио галерея projelerimiz projeler "
        "referanslar "
        "έργα مشاريعنا پروژه‌ها פרויקטים 実績 施工例 ギャラリー 案例 工程案例 "
        "성공사례 갤러리 ผลงาน dự-án",
    ),
}

# Pages that say nothing about the topic: log-in, booking, buying, law, privacy, contact, jobs.
# Whole words, so that `research` is no search page; prefixes with a trailing `*`.
_DULL = (
    "log-in login log-out logout sign-in signin sign-up signup register account my-account "
    "anmelden anmeldung konto mein-konto connexion compte cuenta acceso cart basket checkout "
    "warenkorb panier carrito wishlist privacy datenschutz* cookies cookie gdpr terms agb "
    "impressum imprint legal mentions aviso disclaimer sitemap rss feed search suche buscar "
    "recherche print share password admin wp-admin wp-json xmlrpc cdn-cgi careers career jobs job "
    "karriere stellenangebote contacts contact contact-us kontakt contacto contato contatti "
    "accessibility returns shipping versand newsletter unsubscribe вход регистрация корзина "
    "контакты reservations reservation booking book-a-* book tickets ticket vouchers voucher "
    "gift-cards gift-card gift-vouchers gift-voucher donate apply subscribe thank-you guestbook "
    "webring size-guide status downloads download intranet extranet reserver réserver reservieren "
    "buchen gutscheine gutschein mon-compte se-connecter livraison retours cita-previa pedir-cita "
    "mi-cuenta iniciar-sesion iniciar-sesión carrinho entrar minha-conta carrello accedi "
    "registrati spedizioni area-riservata inloggen winkelwagen mijn-account koszyk logowanie "
    "zaloguj košík kosik přihlášení prihlaseni kassa logga-in kurv log-ind handlekurv logg-inn "
    "ostoskori kirjaudu kosár kosar belépés belepes coș cos autentificare личный-кабинет "
    "lichnyj-kabinet доставка* dostavka вхід увійти uviyty кошик количка kolichka vhod sepet* "
    "giriş giris kalathi syndesi σύνδεση καλάθι giỏ-hàng gio-hang đăng-nhập dang-nhap masuk "
    "keranjang privacyverklaring privacidad* privacidade* confidentialite* confidentialité* "
    "integritetspolicy tietosuoja adatvédelem adatvedelem polityka-prywatno* regulamin politika-* "
    "политика* cookiepolitik gizlilik* kvkk çerez* cerez* oroi* όροι kebijakan-* chính-sách* "
    "chinh-sach* cgv cgu conditions condiciones termini termos termeni* köpvillkor kopvillkor "
    "voorwaarden anfahrt acces accès dove-siamo how-to-get-here directions mapa-* harta-site "
    "kontakty kontakti επικοινωνία epikoinonia yhteystiedot kapcsolat iletişim iletisim liên-hệ "
    "lien-he hubungi* fale-conosco contactez* kundtjanst kundtjänst vacatures cariere* carière* "
    "karieri karir tuyển-dụng tuyen-dung trabalhe* lavora-con-noi recrutement vakansii вакансии "
    "stellen insan-kaynakları insan-kaynaklari recruit avoimet* presse press nyhedsbrev "
    "legal-notice u-redni-deska uredni-deska úřední-deska tenders tender vacancies "
    "datenschutzerkl* mitgliederbereich client-login member-login staff-login "
)
# The same in scripts that do not part words.
_DULL_PARTS = re.compile(
    r"ログイン|お問い合わせ|お問合せ|採用|個人情報|プライバシー|サイトマップ|アクセス|ご予約|"
    r"カート|特定商取引|登录|登入|登陆|注册|註冊|联系我们|聯絡我們|联系方式|招聘|人才|隐私|"
    r"隱私|购物车|購物車|网站地图|会员|로그인|회원가입|장바구니|채용|개인정보|오시는|문의|"
    r"이용약관|تسجيل|اتصل|سياسة|الخصوصية|وظائف|السلة|ورود|سبد|تماس|قوانین|حریم|התחבר|סל.קניות|"
    r"תקנון|צור.קשר|נגישות|דרושים|लॉगिन|संपर्क|गोपनीयता|निविदा|ติดต่อ|เข้าสู่ระบบ|ตะกร้า|"
    r"นโยบาย|สมัครงาน"
)
# The same in another language: worth a request only where nothing else is there.
_SWITCH = re.compile(
    r"(?:in |auf |på |по-)?(?:english|deutsch|français|francais|español|espanol"
    r"|italiano|português|portugues|nederlands|polski|čeština|slovenčina|svenska|dansk|norsk|suomi"
    r"|magyar|română|русский|русски|українська|български|hrvatski|srpski|slovenščina|türkçe|ελληνικά"
    r"|العربية|فارسی|עברית|हिन्दी|日本語|中文|简体中文|繁體中文|한국어|ไทย|tiếng việt"
    r"|bahasa indonesia)",
)
# An article, not a section: its date or number stands in its address.
_DATED = re.compile(r"/(?:19|20)\d\d(?:[/-]|$)|(?:19|20)\d{6}|\d{4}-\d\d-\d\d")
_LANGUAGE_CODE = re.compile(
    r"(?:en|de|fr|es|it|pt|nl|pl|cs|cz|sk|sv|da|dk|no|nb|fi|hu|ro|ru|uk|ua|bg|hr|sr|sl|tr|el|gr|ar|fa|he"
    r"|hi|ja|jp|zh|cn|tw|ko|kr|th|vi|id|ms|ca|eu|gl|et|lv|lt|us|gb|br|mx)(?:[-_][a-z]{2,4})?"
)
SWITCH_SCORE = 0.05
DATED_SHARE = 0.4

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
_PHRASE = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


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
        address = domains.web_address(link.url, home)
        if address is None or not domains.same_site(address.host, home_address.host):
            continue
        url = _bare(address.url)
        if url in seen or len(url) > url_chars or _is_trap(url):
            continue
        kind, score = _score(link.text, url)
        # Navigation comes first on a page, so of two equal links the earlier is the better.
        score -= place / LINKS_READ
        if score > 0 and score > best.get(url, (0.0, ""))[0]:
            best[url] = (score, kind)
    ranked = sorted(best.items(), key=lambda item: -item[1][0])
    firsts: dict[str, str] = {}
    for url, (_, kind) in ranked:
        if kind not in ("", "news"):  # a second service says more than a first piece of news
            firsts.setdefault(kind, url)
    chosen = dict.fromkeys((*firsts.values(), *(url for url, _ in ranked)))
    return tuple(chosen)[:count]


def clean(url: str, *, base: str = "") -> str | None:
    """The address without fragment, credentials, session and tracking; None if no web page's."""
    address = domains.web_address(url, base)
    return None if address is None else _bare(address.url)


def _bare(url: str) -> str:
    parts = urlsplit(url)
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
    if path in ("", "/") and not parts.query:
        return "", 0.0
    # Spaces and hyphens are one here: "book a table" and /book-a-table.
    if any(map(_is_dull, (path, folded[:60].replace(" ", "-"), *_values(parts.query)))):
        return "", 0.0
    if _SWITCH.fullmatch(folded) or _LANGUAGE_CODE.fullmatch(path.strip("/")):
        return "", SWITCH_SCORE
    depth = sum(1 for segment in path.split("/") if segment)
    score, kind = 0.9 - 0.15 * depth - (0.3 if parts.query else 0.0), ""
    if _DATED.search(path):
        return "", max(0.0, score * DATED_SHARE)
    # A short text is a label of the navigation; a long one is a headline that merely has the word.
    if len(folded) <= 40:
        score, kind = _best(folded, score, kind, share=1.0)
    last = re.sub(r"\.[a-z]{2,5}$", "", path.rstrip("/").rsplit("/", 1)[-1])
    score, kind = _best(last, score, kind, share=0.9 - 0.1 * depth)
    # What lies below a section is of its kind: /services/roofing, /about/history, ?page=about.
    for section in (*path.strip("/").split("/")[:-1], *_values(parts.query)):
        score, kind = _best(section, score, kind, share=0.6 - 0.1 * depth)
    return kind, score


def _is_dull(words: str) -> bool:
    """Whether any of the words, or a few of them joined by hyphens, leads to a dull page.

    Sets, because one pattern of 300 words cost more than all else that is done with a link.
    """
    for phrase in _PHRASE.findall(words):
        parts = phrase.split("-")
        for first in range(len(parts)):
            for last in range(first + 1, min(first + _LONGEST_DULL, len(parts)) + 1):
                if "-".join(parts[first:last]) in _DULL_WORDS:
                    return True
            if "-".join(parts[first:]).startswith(_DULL_PREFIXES):
                return True
    return not words.isascii() and _DULL_PARTS.search(words) is not None


def _values(query: str) -> list[str]:
    return [unquote(value).casefold() for _, value in parse_qsl(query)][:3] if query else []


def _best(words: str, score: float, kind: str, *, share: float) -> tuple[float, str]:
    for candidate in _candidates(words):
        found = _LOOKUP.get(candidate)
        if found is None and candidate.startswith(_ANY_PREFIX):
            found = next(value for prefix, value in _PREFIXES if candidate.startswith(prefix))
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
_ANY_PREFIX = tuple(prefix for prefix, _ in _PREFIXES)
_DULL_WORDS = frozenset(word for word in _DULL.split() if not word.endswith("*"))
_DULL_PREFIXES = tuple(word.rstrip("*") for word in _DULL.split() if word.endswith("*"))
_LONGEST_DULL = max(word.count("-") + 1 for word in _DULL_WORDS)
