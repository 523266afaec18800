"""How well a collection's rankings and shown pairs agree with what people say belongs together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ndd_app.models import Candidate, Collection, Photo
from ndd_app.pipeline.annotation import read_group_names, require_known
from ndd_app.pipeline.ranking import Ranking, rank_with_each_encoder
from ndd_app.vision.annotations import read_rows
from ndd_app.vision.metrics import (
    PairScores,
    Relevance,
    average_precision_at_k,
    hit_rate_at_k,
    mean_over_queries,
    pair_precision_recall,
)

HIT_RATES_AT = (1, 5, 10, 50)


@dataclass(frozen=True)
class RankingFigures:
    """One ranking's figures, all between 0 and 1; hit rates by k, without the query."""

    name: str
    map_with_query: float
    map_without_query: float
    hit_rates: dict[int, float]


@dataclass(frozen=True)
class Evaluation:
    queries: int
    k_with_query: int
    k_without_query: int
    rankings: list[RankingFigures]
    shown: PairScores


def read_groups(file: Path, photos: Sequence[Photo]) -> Relevance:
    """A CSV with the columns file,group: photos of one group belong together."""
    return Relevance.from_groups(read_group_names(file, photos))


def read_matches(file: Path, photos: Sequence[Photo]) -> Relevance:
    """A CSV with the columns query,match: a partial annotation, such as one known match a query."""
    matches = read_rows(file, "query", "match")
    require_known([name for match in matches for name in match], photos)
    number = {photo.path: index for index, photo in enumerate(photos)}
    return Relevance.from_matches(len(photos), ((number[query], number[match]) for query, match in matches))


def evaluate_collection(collection: Collection, photos: Sequence[Photo], relevance: Relevance) -> Evaluation:
    """mAP@k for k = the size of the largest group with the query in the gallery, and one less without it."""
    most = int(relevance.relevant_per_query.max(initial=1))
    rankings = [_figures(ranking, relevance, most) for ranking in rank_with_each_encoder(collection, photos)]
    shown = pair_precision_recall(_shown_pairs(collection, photos), relevance)
    return Evaluation(len(relevance.queries), most + 1, most, rankings, shown)


def _figures(ranking: Ranking, relevance: Relevance, most: int) -> RankingFigures:
    lists = ranking.neighbours
    with_query = average_precision_at_k(lists, relevance, most + 1, query_in_gallery=True)
    without_query = average_precision_at_k(lists, relevance, most, query_in_gallery=False)
    hit_rates = {k: hit_rate_at_k(lists, relevance, k) for k in HIT_RATES_AT}
    return RankingFigures(ranking.name, mean_over_queries(with_query), mean_over_queries(without_query), hit_rates)


def _shown_pairs(collection: Collection, photos: Sequence[Photo]) -> np.ndarray:
    """Whatever people have answered: it is the machine that is evaluated."""
    number = {photo.pk: index for index, photo in enumerate(photos)}
    shown = Candidate.objects.within(collection).likely_from(collection.show_from)
    pairs = [(number[first], number[second]) for first, second in shown.values_list("first_id", "second_id")]
    return np.array(pairs, np.int64).reshape(-1, 2)
