"""Cookies kept for one site's visit: some sites answer only who sends theirs back (N35).

Scrapy's own middleware keeps every jar for the whole run and may fetch the public suffix list.
"""

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.http.cookies import CookieJar

from taxocrawl import domains

JAR_COOKIES = 50
"""More are not kept: no site needs them for a few pages."""


class SiteCookiesMiddleware:
    """Uses the jar in the request's meta (`jar`); a request without one has no cookies."""

    def process_request(self, request: Request, spider: Spider | None = None) -> None:
        """Send what the site set before."""
        jar: CookieJar | None = request.meta.get("jar")
        if jar is not None and len(jar):
            jar.add_cookie_header(request)

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Response:
        """Keep what the site sets; meta `new_cookies` says whether any is new."""
        jar: CookieJar | None = request.meta.get("jar")
        if jar is None or "Set-Cookie" not in response.headers:
            return response
        before = _contents(jar)
        for cookie in jar.make_cookies(response, request):
            # A cookie for all of co.uk would go to other people's sites.
            if not domains.is_suffix(cookie.domain.lstrip(".")) and len(jar) < JAR_COOKIES:
                jar.set_cookie_if_ok(cookie, request)
        request.meta["new_cookies"] = bool(_contents(jar) - before)
        return response


def _contents(jar: CookieJar) -> set[tuple[str, str, str, str | None]]:
    return {(cookie.domain, cookie.path, cookie.name, cookie.value) for cookie in jar}
