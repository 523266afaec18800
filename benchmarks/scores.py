"""Exports of a collection against the truth: rankings, shown pairs, kinds and flags, and what company changes."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.marks import MARKS
from benchmarks.reliability import FalsePairs, Forecasts
from benchmarks.sets import FLAGS, Member
from ndd_app.vision.metrics import Relevance, average_precision_at_k, hit_rate_at_k, mean_over_queries

SAME_SCENE = Path(__file__).with_name("same_scene.csv")
"""Pairs of groups that show one scene, which the annotation does not know: they count as neither right nor wrong."""


@dataclass(frozen=True)
class Pair:
    first: Member
    second: Member
    probability: float
    same_image: float
    relation: str
    flags: frozenset[str]
    shown: bool

    @property
    def is_true(self) -> bool:
        return self.first.group == self.second.group

    @property
    def damage(self) -> str:
        """Of a copy and its own print."""
        damages = {self.first.damage, self.second.damage} - {""}
        is_print = self.first.source == self.second.source and "" in {self.first.damage, self.second.damage}
        return damages.pop() if is_print and damages else ""


class Scores:
    def __init__(self, members: Mapping[str, Member], neighbours: str, duplicates: str) -> None:
        self.names = sorted(members)
        self.members = members
        self.neither = _same_scene()
        self._neighbours, self._duplicates = neighbours, duplicates

    @cached_property
    def lists(self) -> np.ndarray:
        """(n, 50), -1 fills; neighbours that count as neither are passed over."""
        number = {name: index for index, name in enumerate(self.names)}
        rows: list[list[int]] = [[] for _ in self.names]
        for row in csv.DictReader(io.StringIO(self._neighbours)):
            if not self._is_neither(row["photo"], row["neighbour"]):
                rows[number[row["photo"]]].append(number[row["neighbour"]])
        lists = np.full((len(rows), 50), -1, np.int64)
        for index, row_of in enumerate(rows):
            lists[index, : len(row_of[:50])] = row_of[:50]
        return lists

    @cached_property
    def relevance(self) -> Relevance:
        return Relevance.from_groups([self.members[name].group for name in self.names])

    def mean_average_precision(self, k: int, *, query_in_gallery: bool) -> float:
        found = average_precision_at_k(self.lists, self.relevance, k, query_in_gallery=query_in_gallery)
        return mean_over_queries(found)

    def hit_rate(self, k: int) -> float:
        return hit_rate_at_k(self.lists, self.relevance, k)

    @cached_property
    def pairs(self) -> list[Pair]:
        pairs = []
        for row in csv.DictReader(io.StringIO(self._duplicates)):
            if not self._is_neither(row["first"], row["second"]):
                flags = frozenset(row["flags"].split())
                chances = float(row["probability"]), float(row["probability_same_image"])
                members = self.members[row["first"]], self.members[row["second"]]
                pairs.append(Pair(*members, *chances, row["relation"], flags, row["shown"] == "yes"))
        return pairs

    @property
    def shown(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.shown]

    @property
    def precision(self) -> float:
        return _share(pair.is_true for pair in self.shown)

    @property
    def recall(self) -> float:
        sizes: dict[str, int] = {}
        for member in self.members.values():
            sizes[member.group] = sizes.get(member.group, 0) + 1
        return sum(pair.is_true for pair in self.shown) / sum(n * (n - 1) // 2 for n in sizes.values())

    @cached_property
    def uncertain(self) -> Forecasts:
        """Pairs between .05 and .95: of the others no model would be in doubt."""
        return Forecasts.of((p.probability, p.is_true) for p in self.pairs if 0.05 < p.probability < 0.95)

    @property
    def false_among_shown(self) -> FalsePairs:
        expected = sum(1 - pair.probability for pair in self.shown)
        return FalsePairs(len(self.shown), expected, sum(not pair.is_true for pair in self.shown))

    def print_hit_rates(self) -> dict[str, tuple[float, float, float]]:
        """For each damage: the copies whose own print is first, whose first is of one group, whose print is shown."""
        print_of = {m.source: i for i, m in enumerate(self.members[name] for name in self.names) if not m.damage}
        kinds = sorted({member.damage for member in self.members.values()} - {""})
        own: dict[str, list[bool]] = {kind: [] for kind in kinds}
        group: dict[str, list[bool]] = {kind: [] for kind in kinds}
        for index, name in enumerate(self.names):
            member = self.members[name]
            if member.damage:
                first = self.lists[index, 0]
                own[member.damage].append(first == print_of[member.source])
                group[member.damage].append(first >= 0 and self.members[self.names[first]].group == member.group)
        shown = Counter(pair.damage for pair in self.shown)
        return {kind: (_share(own[kind]), _share(group[kind]), shown[kind] / len(own[kind])) for kind in kinds}

    def shown_by_mark(self) -> dict[str, tuple[float, int]]:
        """For each mark: the share of the true pairs that is shown, and how many of strangers that bear it are."""
        groups = Counter((member.mark, member.group) for member in self.members.values())
        shown = Counter((pair.first.mark, pair.is_true) for pair in self.shown if pair.first.mark == pair.second.mark)
        pairs = {kind: sum(n * (n - 1) // 2 for (other, _), n in groups.items() if other == kind) for kind in MARKS}
        return {kind: (shown[kind, True] / pairs[kind], shown[kind, False]) for kind in MARKS if pairs[kind]}

    def shown_by_sort(self) -> dict[str, tuple[float, int]]:
        """For each sort of sheets: the share of the true pairs that is shown, and how many of strangers have one."""
        groups = Counter(member.group for member in self.members.values() if not member.is_company)
        pairs: Counter[str] = Counter()
        for group, scans in groups.items():
            pairs[_sort(group)] += scans * (scans - 1) // 2
        true = Counter(_sort(pair.first.group) for pair in self.shown if pair.is_true)
        strangers = [pair for pair in self.shown if not pair.is_true]
        false = Counter(sort for pair in strangers for sort in {_sort(pair.first.group), _sort(pair.second.group)})
        return {sort: (true[sort] / max(pairs[sort], 1), false[sort]) for sort in pairs}

    def flags_right(self) -> dict[str, float]:
        """The share of shown copies and prints whose flag is there where it should be and nowhere else."""
        copies = [pair for pair in self.shown if pair.damage]
        right = {}
        for flag in ("crop", "mirrored", "inverted", "turned", "retouched"):
            right[flag] = _share((flag in pair.flags) == (flag in FLAGS.get(pair.damage, ())) for pair in copies)
        return right

    def called_same_image(self) -> dict[str, float]:
        """For each damage: the share of the shown copies and prints."""
        called: dict[str, list[bool]] = {}
        for pair in self.shown:
            if pair.damage:
                called.setdefault(pair.damage, []).append(pair.relation == "same image")
        return {kind: _share(of_kind) for kind, of_kind in called.items()}

    def kinds_right(self) -> tuple[float, float]:
        """Copies and their prints called same image; different frames of one plate called other exposure."""
        copies = [pair.relation == "same image" for pair in self.shown if pair.damage]
        frames = [
            pair.relation == "other exposure"
            for pair in self.shown
            if pair.is_true and pair.first.source != pair.second.source and pair.first.group.startswith("pg")
        ]
        return _share(copies), _share(frames)

    def _is_neither(self, one: str, other: str) -> bool:
        return frozenset((self.members[one].group, self.members[other].group)) in self.neither


@dataclass(frozen=True)
class Flips:
    """Pairs that are shown in one run and not in the other, each with its chance in both; 0 where it is not stored.

    candidates: how many pairs either run has stored.
    """

    flipped: dict[frozenset[Member], tuple[float, float]]
    candidates: int

    @property
    def share(self) -> float:
        return len(self.flipped) / self.candidates if self.candidates else float("nan")


def flips(one: Scores, other: Scores) -> Flips:
    """Of the pairs between photos that are in both runs."""
    in_both = set(one.members.values()) & set(other.members.values())
    here, there = (_between(in_both, scores.pairs) for scores in (one, other))
    shown = _between(in_both, one.shown).keys() ^ _between(in_both, other.shown).keys()
    return Flips({pair: (here.get(pair, 0.0), there.get(pair, 0.0)) for pair in shown}, len(here.keys() | there.keys()))


def _between(members: set[Member], pairs: Iterable[Pair]) -> dict[frozenset[Member], float]:
    """Their chances."""
    among = (pair for pair in pairs if pair.first in members and pair.second in members)
    return {frozenset((pair.first, pair.second)): pair.probability for pair in among}


def _same_scene() -> set[frozenset[str]]:
    with SAME_SCENE.open(newline="") as rows:
        return {frozenset((row["one"], row["other"])) for row in csv.DictReader(rows)}


def _share(values: Iterable[object]) -> float:
    found = [bool(value) for value in values]
    return sum(found) / len(found) if found else float("nan")


def _sort(group: str) -> str:
    return group.split()[0]
