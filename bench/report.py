"""Figures of several rounds: medians, spread and ratios, as JSON and as a table."""

import argparse
import json
import pathlib
import statistics
from dataclasses import dataclass, field


def parser(what: str) -> argparse.ArgumentParser:
    """What every benchmark on the Debian data is asked for; `what` is its module's text."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=pathlib.Path, required=True, metavar="FILE", help="where the figures go")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, metavar="PACKAGES", help="a smaller cut of the data")
    return parser


@dataclass
class Report:
    bench: str
    about: dict
    figures: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)

    def add(self, what: str, subject: str, value: float, unit: str) -> None:
        self.figures.setdefault((what, subject, unit), []).append(value)

    def median(self, what: str, subject: str) -> float | None:
        found = [values for (w, s, _), values in self.figures.items() if (w, s) == (what, subject)]
        return statistics.median(found[0]) if found else None

    def ratio(self, name: str, over: tuple[str, str], under: tuple[str, str]) -> None:
        """The median of one figure over the median of another, each given as (what, subject)."""
        above, below = self.median(*over), self.median(*under)
        if above is not None and below:
            self.ratios[name] = round(above / below, 3)

    def rows(self) -> list[dict]:
        return [
            {"what": what, "subject": subject, "value": rounded(statistics.median(values)), "unit": unit}
            | {"min": rounded(min(values)), "max": rounded(max(values)), "rounds": len(values)}
            for (what, subject, unit), values in self.figures.items()
        ]

    def write(self, path: pathlib.Path) -> None:
        body = {"bench": self.bench, **self.about, "rows": self.rows(), "ratios": self.ratios}
        path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")

    def table(self) -> str:
        width = max((len(row["what"]) for row in self.rows()), default=0)
        lines = [
            f"{row['what']:<{width}} {row['subject']:<28} {row['value']:>12,} {row['unit']:<8} {row['min']:,} … {row['max']:,}"
            for row in self.rows()
        ]
        return "\n".join(lines + [f"{name}: {value}" for name, value in self.ratios.items()])


def rounded(value: float) -> float:
    return round(value) if value >= 100 else round(value, 3)
