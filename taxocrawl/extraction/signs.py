"""Signs in markup and headers that a page is no topical page; `site_status` judges them."""

import re
from typing import Any

from taxocrawl.records import Page, StatusHint

ASKS_FOR_JAVASCRIPT = re.compile(
    r"(?:enable|activate|turn on|requires?|without)\s+java\s?script"
    r"|java\s?script\s+(?:is\s+)?(?:disabled|required)",
    re.IGNORECASE,
)


def of_page(page: Page, tree: Any, html: str) -> tuple[StatusHint, ...]:
    """Signs of one parsed page, scripts still in its tree."""
    return ()
