"""What the PNG and the SVG drawings share: who has a colour, and the ticks of log axes."""

import math
from collections.abc import Sequence

from sugata.bench.curves import FLOOR, Panel, Series
from sugata.report.svg import SERIES

SHOWN = 6  # series with a colour of their own; the others are grey


def colours(panels: Sequence[Panel]) -> dict[str, str]:
    """A colour for each group of series, the same in all panels: the best ones their own, the others grey."""
    places: dict[str, list[int]] = {}
    for panel in panels:
        for place, group in enumerate(dict.fromkeys(map(group_of, panel.series))):
            places.setdefault(group, []).append(place)
    ranked = sorted(places, key=lambda group: sum(places[group]) / len(places[group]))
    return dict.fromkeys(ranked, "grey") | dict(zip(ranked[:SHOWN], SERIES, strict=False))


def group_of(series: Series) -> str:
    """Which group a series belongs to: by default its own."""
    return series.group or series.name


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten in a range; only the powers where there are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if math.log10(high / low) <= 3.5 else (1,)
    found = [step * 10.0**power for power in powers for step in steps]
    return [value for value in found if low * 0.999 <= value <= high * 1.001]


def tick_label(value: float, log_y: bool = False) -> str:
    """Without needless digits; the floor of a regret axis stands for none."""
    if log_y and math.isclose(value, FLOOR):
        return f"≤{FLOOR:g}"
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
