"""Exports of a collection against the truth: rankings, shown pairs, calibration, kinds and flags."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.sets import DAMAGES, FLAGS, Member
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

    def reliability(self) -> list[tuple[int, float, float]]:
        """Pairs between .05 and .95 by tenths of their chance: how many, their mean chance, the share of true ones."""
        bins: dict[int, list[Pair]] = {}
        for pair in self.pairs:
            if 0.05 < pair.probability < 0.95:
                bins.setdefault(int(10 * pair.probability), []).append(pair)
        return [
            (len(some), sum(pair.probability for pair in some) / len(some), _share(pair.is_true for pair in some))
            for _, some in sorted(bins.items())
        ]

    def calibration_error(self) -> float:
        """ECE over the same pairs."""
        bins = self.reliability()
        return sum(count * abs(chance - share) for count, chance, share in bins) / max(sum(c for c, _, _ in bins), 1)

    def false_among_shown(self) -> tuple[float, int]:
        """Expected and actual."""
        return sum(1 - pair.probability for pair in self.shown), sum(not pair.is_true for pair in self.shown)

    def print_hit_rates(self) -> dict[str, tuple[float, float, float]]:
        """For each damage: the copies whose own print is first, whose first is of one group, whose print is shown."""
        print_of = {m.source: i for i, m in enumerate(self.members[name] for name in self.names) if not m.damage}
        own: dict[str, list[bool]] = {kind: [] for kind in DAMAGES}
        group: dict[str, list[bool]] = {kind: [] for kind in DAMAGES}
        for index, name in enumerate(self.names):
            member = self.members[name]
            if member.damage:
                first = self.lists[index, 0]
                own[member.damage].append(first == print_of[member.source])
                group[member.damage].append(first >= 0 and self.members[self.names[first]].group == member.group)
        shown = {kind: sum(pair.damage == kind for pair in self.shown) for kind in DAMAGES}
        return {
            kind: (_share(own[kind]), _share(group[kind]), shown[kind] / max(len(own[kind]), 1)) for kind in DAMAGES
        }

    def flags_right(self) -> dict[str, float]:
        """The share of shown copies and prints whose flag is there where it should be and nowhere else."""
        copies = [pair for pair in self.shown if pair.damage]
        right = {}
        for flag in ("crop", "mirrored", "inverted", "turned"):
            right[flag] = _share((flag in pair.flags) == (flag in FLAGS.get(pair.damage, ())) for pair in copies)
        return right

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


def _same_scene() -> set[frozenset[str]]:
    with SAME_SCENE.open(newline="") as rows:
        return {frozenset((row["one"], row["other"])) for row in csv.DictReader(rows)}


def _share(values: Iterable[object]) -> float:
    found = [bool(value) for value in values]
    return sum(found) / len(found) if found else float("nan")
