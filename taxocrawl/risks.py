"""The closed list of risks, one word each, and the presets that choose among them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from taxocrawl.records import Risk

RISKS: Mapping[str, str] = MappingProxyType(
    {
        "adult": "explicit sexual content, services and goods",
        "gambling": "casinos, betting, lotteries, poker for money",
        "piracy": "films, games, software and broadcasts without their owners' leave",
        "weapons": "firearms, ammunition, fighting knives, and instructions to make them",
        "drugs": "recreational drugs, steroids and medicines without prescription",
        "alcohol": "wine, beer and spirits: makers, shops, bars",
        "tobacco": "cigarettes, cigars, vapes, nicotine pouches, shisha",
        "hate": "contempt of people for their origin, faith, sex or whom they love",
        "terrorism": "praise of, recruiting for and instructions to terrorist acts",
        "violence": "gore, real death, torture, shown to shock",
        "profanity": "obscene language as the offer of a page",
        "spam": "scams, forged papers, hacking for hire, malware, bought followers",
    }
)
"""Word and what it means. A page of news, help, law, teaching or history about it is none.

Crime, death, conflict and debated issues, among IAB's Sensitive Topics, are mostly news: they are
categories to ask for, no risks.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Which risks keep a site out, from which confidence up."""

    topics: tuple[str, ...]
    min_confidence: float
    doc: str

    def counted(self, risks: Iterable[Risk]) -> tuple[Risk, ...]:
        """Those that keep a site out, in the order given."""
        return tuple(
            risk
            for risk in risks
            if risk.topic in self.topics and risk.confidence >= self.min_confidence
        )


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "brand-safety": Preset(
            topics=tuple(RISKS), min_confidence=0.8, doc="all risks, precision first"
        ),
        "strict": Preset(topics=tuple(RISKS), min_confidence=0.0, doc="all risks, none missed"),
        "family": Preset(
            topics=tuple(topic for topic in RISKS if topic not in ("piracy", "spam")),
            min_confidence=0.0,
            doc="what children should not see",
        ),
    }
)
