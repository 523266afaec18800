"""Do the chances hold? What people say about pairs, by the chance that each pair had when it was first answered.

Later chances are corrected by these very answers, and would only prove themselves.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

from ndd_app.models import Collection, Verdict
from ndd_app.pipeline.review import Person, agreed_answer, visible_verdicts

Answer = Verdict.Answer
FEWEST = 20
"""With fewer settled pairs, shares tell more about luck than about the chances."""
NORMAL = 1.96
"""Standard deviations on either side of the mean that hold 95 %."""


@dataclass(frozen=True)
class Tenth:
    """Settled pairs with a chance from `number` tenths up to one more, and how many of them people confirmed."""

    number: int
    chance: float
    pairs: int
    confirmed: int

    @property
    def share(self) -> float:
        return self.confirmed / self.pairs

    @property
    def interval(self) -> tuple[float, float]:
        """Of the share, 95 % (Wilson 1927)."""
        spread = NORMAL**2 / self.pairs
        middle = self.share + spread / 2
        reach = sqrt(self.share * (1 - self.share) * spread + spread**2 / 4)
        return max((middle - reach) / (1 + spread), 0.0), min((middle + reach) / (1 + spread), 1.0)


def tenths_of(collection: Collection, person: Person) -> list[Tenth]:
    """Of pairs of the collection's photos, with each other and with others, that the person may see; lowest first."""
    tenths: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for chance, is_yes in _forecasts(collection, person):
        tenths[min(int(10 * chance), 9)].append((chance, is_yes))
    return [
        Tenth(number, sum(c for c, _ in some) / len(some), len(some), sum(is_yes for _, is_yes in some))
        for number, some in sorted(tenths.items())
    ]


def _forecasts(collection: Collection, person: Person) -> Iterator[tuple[float, bool]]:
    """The chance of each pair on which people agree, as it was before the first answer, and whether they say yes."""
    answered: dict[tuple[int | None, int | None], list[Verdict]] = defaultdict(list)
    for verdict in visible_verdicts(person).touching(collection).order_by("pk"):
        answered[verdict.first_id, verdict.second_id].append(verdict)
    for verdicts in answered.values():
        latest = {verdict.who: verdict for verdict in verdicts}
        answer = agreed_answer(latest.values())
        if verdicts[0].probability is not None and answer in (Answer.YES, Answer.NO):
            yield verdicts[0].probability, answer == Answer.YES
