"""The numbers of a dataset folder, as values and as a plot (SVG) that any browser opens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from kohya_like.data.buckets import BucketRules, count_buckets, fit
from kohya_like.data.records import plain

MEGAPIXELS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
ASPECTS = (0.0, 0.4, 0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5)
TOKENS = (0, 1, 25, 50, 76, 151, 226)  # 75, 150 and 225 fit
SHOWN_TAGS = 30

Bars = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Statistics:
    """Counts of one dataset. Bars are (words, count) in their natural order; `tags` the most frequent first."""

    pictures: int
    captioned: int
    megapixels: Bars
    aspects: Bars  # width by height
    buckets: Bars
    tokens: Bars
    tags: Bars
    different_tags: int
    tags_used_once: int

    @property
    def charts(self) -> tuple[tuple[str, Bars], ...]:
        """Heading and bars, in the order they are shown."""
        return (
            ("Megapixels", self.megapixels),
            ("Width by height", self.aspects),
            ("Buckets", self.buckets),
            ("Tokens of a caption", self.tokens),
            ("Most frequent tags", self.tags),
        )


def statistics_of(
    sizes: Sequence[tuple[int, int]],
    tags: Iterable[Sequence[str]],
    tokens: Sequence[int],
    rules: BucketRules,
) -> Statistics:
    """Count. `sizes`: (width, height) of each readable picture; `tags`: those of each picture; `tokens`: of each
    caption that is there, without start and end; `rules`: the buckets they would be trained in."""
    counts: Counter[str] = Counter()
    for some in tags:
        counts.update(set(some))
    buckets = count_buckets(fit(size, rules) for size in sizes)
    return Statistics(
        pictures=len(sizes),
        captioned=sum(count > 0 for count in tokens),
        megapixels=_bars([w * h / 1e6 for w, h in sizes], MEGAPIXELS),
        aspects=_bars([w / h for w, h in sizes], ASPECTS),
        buckets=tuple((f"{w}x{h}", count) for (w, h), count in sorted(buckets.items())),
        tokens=_bars(tokens, TOKENS),
        tags=tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:SHOWN_TAGS]),
        different_tags=len(counts),
        tags_used_once=sum(count == 1 for count in counts.values()),
    )


def _bars(values: Sequence[float], edges: Sequence[float]) -> Bars:
    """How many values lie from one edge to the next; the last bar is open."""
    whole = all(float(edge).is_integer() for edge in edges) and all(float(value).is_integer() for value in values)
    bars = []
    for low, high in pairwise([*edges, float("inf")]):
        last = int(high) - 1 if whole and high != float("inf") else high
        words = f"{low:g} and more" if high == float("inf") else f"{low:g}" if last == low else f"{low:g} to {last:g}"
        bars.append((words, sum(low <= value < high for value in values)))
    return tuple(bars)


def as_svg(statistics: Statistics, title: str) -> str:
    """All charts one below the other. Foreign words are escaped."""
    rows: list[str] = []
    y = 50
    for heading, bars in statistics.charts:
        rows.append(f'<text x="20" y="{y}" class="h">{escape(heading)}</text>')
        y += 12
        most = max((count for _, count in bars), default=0) or 1
        for words, count in bars:
            rows.append(f'<text x="230" y="{y + 12}" text-anchor="end">{escape(plain(words)[:34])}</text>')
            rows.append(f'<rect x="240" y="{y}" width="{500 * count / most:.1f}" height="14"/>')
            rows.append(f'<text x="{246 + 500 * count / most:.1f}" y="{y + 12}">{count}</text>')
            y += 18
        y += 30
    style = "text{font:13px sans-serif;fill:#222}.h{font-weight:bold;font-size:15px}rect{fill:#4a7fb5}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="820" height="{y}" role="img"><style>{style}</style>'
        f'<rect width="100%" height="100%" style="fill:#fff"/>'
        f'<text x="20" y="24" class="h">{escape(plain(title)[:90])}</text>{"".join(rows)}</svg>\n'
    )


def as_json(statistics: Statistics) -> Mapping[str, object]:
    """For --json."""
    return {
        "pictures": statistics.pictures,
        "captioned": statistics.captioned,
        "different_tags": statistics.different_tags,
        "tags_used_once": statistics.tags_used_once,
        **{heading.lower().replace(" ", "_"): dict(bars) for heading, bars in statistics.charts},
    }
