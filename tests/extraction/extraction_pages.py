"""Pages and words that the tests of extraction share."""

from taxocrawl.records import Page

SENTENCES = (
    "Our workshop in the old harbour repairs wooden boats, and in winter it builds new ones. "
    "Every plank is cut by hand from oak that grew within a day's ride of the yard. "
    "Visitors are welcome on Saturdays, when the steam box is lit and the ribs are bent into shape."
)


def page(
    body: str | bytes,
    *,
    url: str = "https://boats.example/",
    content_type: str = "text/html; charset=utf-8",
    headers: tuple[tuple[str, str], ...] = (),
) -> Page:
    """A page as the crawler hands it over."""
    return Page(
        url=url,
        requested_url=url,
        status=200,
        headers=(("content-type", content_type), *headers),
        body=body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body,
        fetched_at="2026-01-02T03:04:05Z",
    )
