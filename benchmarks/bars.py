"""What every set has to reach, and whether it does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from benchmarks.reliability import Forecasts
from benchmarks.scores import Scores, flips

CALIBRATION_ERROR = 0.05
FLIPS = 0.002


@dataclass(frozen=True)
class Bar:
    what: str
    value: float
    lowest: float = -inf
    highest: float = inf

    @property
    def is_reached(self) -> bool:
        return self.lowest <= self.value <= self.highest

    def __str__(self) -> str:
        limits = (("least", self.lowest), ("most", self.highest))
        bar = ", ".join(f"at {word} {limit:.3f}" for word, limit in limits if isfinite(limit))
        return f"{'reached' if self.is_reached else 'MISSED '}  {self.what}: {self.value:.4f} ({bar})"


def check(bars: Iterable[Bar]) -> bool:
    found = list(bars)
    print("", *found, sep="\n", flush=True)
    return all(bar.is_reached for bar in found)


def encoders(name: str, backbone: str, figures: Mapping[str, Any]) -> list[Bar]:
    plain, whitened, classical = f"{backbone} cosine", f"{backbone} whiten", "rootsift vlad"
    if name == "ukbench":
        found = _by_name(figures, "with")
        return [
            Bar("ukbench whitened, mAP@4 with the query", found[whitened], 0.980),
            Bar("ukbench whitened over plain cosine", found[whitened] - found[plain], 0.003),
            Bar("ukbench classical, mAP@4 with the query", found[classical], 0.94),
        ]
    found = _by_name(figures, "without")
    return [
        Bar("prokudin whitened, mAP@2 without the query", found[whitened], 0.96),
        Bar("prokudin whitened over plain cosine", found[whitened] - found[plain], 0.015),
        Bar("prokudin classical, mAP@2 without the query", found[classical], 0.93),
    ]


def ranking(name: str, scores: Scores) -> list[Bar]:
    if name == "ukbench":
        return [
            Bar("ukbench fused, mAP@4 with the query", scores.mean_average_precision(4, query_in_gallery=True), 0.995),
            Bar("ukbench shown pairs, precision", scores.precision, 0.98),
            Bar("ukbench shown pairs, recall", scores.recall, 0.90),
        ]
    found = scores.mean_average_precision(2, query_in_gallery=False)
    return [
        Bar("prokudin fused, mAP@2 without the query", found, 0.99),
        Bar("prokudin fused, R@1", scores.hit_rate(1), 0.995),
        Bar("prokudin shown pairs, precision", scores.precision, 0.99),
        Bar("prokudin shown pairs, recall", scores.recall, 0.985),
    ]


def without_weights(name: str, scores: Scores) -> list[Bar]:
    k, counts_itself, found, recalled = (4, True, 0.97, 0.80) if name == "ukbench" else (2, False, 0.98, 0.97)
    precision = scores.mean_average_precision(k, query_in_gallery=counts_itself)
    return [
        Bar(f"{name} without weights, mAP@{k}", precision, found),
        Bar(f"{name} without weights, shown pairs, precision", scores.precision, 0.98),
        Bar(f"{name} without weights, shown pairs, recall", scores.recall, recalled),
    ]


def mix(scores: Scores) -> list[Bar]:
    with_company = [pair for pair in scores.shown if pair.first.is_company or pair.second.is_company]
    for pair in with_company:
        print(f"  shown: {pair.first.source.name} – {pair.second.source.name}, {pair.probability:.2f}")
    return [
        Bar("mix, mAP@4 with the query", scores.mean_average_precision(4, query_in_gallery=True), 0.99),
        Bar("mix shown pairs, precision", scores.precision, 0.98),
        Bar("mix shown pairs, recall", scores.recall, 0.895),
        Bar("mix, shown pairs of postcards and large scans", len(with_company), highest=0),
    ]


def company(with_company: Scores, alone: Scores) -> Bar:
    found = flips(with_company, alone)
    print(f"  company flips {len(found.flipped)} of {found.candidates} pairs between the other photos")
    for pair, (here, there) in found.flipped.items():
        names = " – ".join(sorted(member.source.name for member in pair))
        print(f"    {names}: {here:.3f} with company, {there:.3f} without")
    return Bar("mix, share of the other pairs that company flips", found.share, highest=FLIPS)


def marked(scores: Scores) -> list[Bar]:
    _print_shown("mark", scores.shown_by_mark())
    return [
        Bar("marked shown pairs, precision", scores.precision, 0.98),
        Bar("marked shown pairs, recall", scores.recall, 0.90),
    ]


def sheets(scores: Scores) -> list[Bar]:
    _print_shown("sort", scores.shown_by_sort())
    return [
        Bar("sheets shown pairs, precision", scores.precision, 0.98),
        Bar("sheets shown pairs, recall", scores.recall, 0.70),
    ]


def rescans(scores: Scores) -> list[Bar]:
    same_image, exposure = scores.kinds_right()
    return [
        *_copies("rescans", scores),
        Bar("rescans shown pairs, precision", scores.precision, 0.99),
        Bar("rescans shown pairs, recall", scores.recall, 0.95),
        *_flags("rescans", scores),
        Bar("rescans, copies called same image", same_image, 0.85),
        Bar("plates, frames called other exposure", exposure, 0.85),
    ]


def unseen(scores: Scores) -> list[Bar]:
    same_image, exposure = scores.kinds_right()
    for kind, share in scores.called_same_image().items():
        print(f"  {kind:20} called same image {share:.3f}")
    return [
        *_copies("unseen damages", scores),
        Bar("unseen damages, shown pairs, precision", scores.precision, 0.99),
        Bar("unseen damages, shown pairs, recall", scores.recall, 0.95),
        *_flags("unseen damages", scores),
        Bar("unseen damages, copies called same image", same_image, 0.85),
        Bar("among unseen damages, frames of a plate called other exposure", exposure, 0.85),
    ]


def _copies(name: str, scores: Scores) -> list[Bar]:
    rates = scores.print_hit_rates()
    print("  damage               print first  group first  print shown")
    for kind, (own, group, shown) in rates.items():
        print(f"  {kind:20} {own:11.3f} {group:12.3f} {shown:12.3f}")
    owns, groups, shares = zip(*rates.values(), strict=True)
    return [
        Bar(f"{name}, hit rate @1 of the group", sum(groups) / len(groups), 0.98),
        Bar(f"{name}, hit rate @1 of the print itself", sum(owns) / len(owns), 0.98),
        Bar(f"{name}, worst damage, hit rate @1 of the group", min(groups), 0.93),
        Bar(f"{name}, copies shown with their print", sum(shares) / len(shares), 0.95),
    ]


def _flags(name: str, scores: Scores) -> list[Bar]:
    return [Bar(f"{name}, flag {flag} right", share, 0.95) for flag, share in scores.flags_right().items()]


def false_pairs(name: str, scores: Scores) -> Bar:
    """The chances of the shown pairs promise as many false ones as there are, give or take what luck allows."""
    false = scores.false_among_shown
    return Bar(f"{name}, false pairs expected among the shown, {false.actual} found", false.expected, *false.interval)


def pooled_calibration(forecasts: Forecasts) -> Bar:
    by_luck = f"{len(forecasts)} pairs, {forecasts.error_by_luck():.3f} by luck alone"
    return Bar(f"all sets, ECE ({by_luck})", forecasts.calibration_error(), highest=CALIBRATION_ERROR)


def _by_name(figures: Mapping[str, Any], key: str) -> dict[str, float]:
    return {ranking["name"]: ranking[f"map_{key}_query"] for ranking in figures["rankings"]}


def _print_shown(title: str, shares: Mapping[str, tuple[float, int]]) -> None:
    print(f"  {title:14} true shown  false shown")
    for kind, (true, false) in shares.items():
        print(f"  {kind:14} {true:10.3f} {false:12}")
