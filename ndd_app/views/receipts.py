"""A receipt as the encoder's page shows it: figures as bars, tripwires in words, and queries that got better or worse.

Receipts of earlier versions may lack any part. Their examples name photos by their ids: who may not see one of the
photos sees nothing of the example.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ndd_app.description import adapter
from ndd_app.models import Photo
from ndd_app.pipeline.review import Person
from ndd_app.pipeline.serving import ADOPT

RECALL_AT = 16
SCALE = 100
"""The width of a bar of 100 %, in the units of its SVG."""
LEAST_SPAN = 0.02
"""The least range of gains that is drawn: smaller ones must not look large."""

ROLES = {
    "challenger": gettext_lazy("this encoder"),
    "present": gettext_lazy("served then"),
    "site": gettext_lazy("the site’s encoder"),
    "whitened": gettext_lazy("whitened, of this collection"),
    "classical": gettext_lazy("the classical encoder"),
    "hashing": gettext_lazy("a fingerprint"),
}
DAMAGES = {
    "fold": gettext_lazy("a fold"),
    "dust": gettext_lazy("dust"),
    "scratches": gettext_lazy("scratches"),
    "grain": gettext_lazy("grain"),
}


@dataclass(frozen=True)
class Bar:
    """Of one encoder's queries, the shares that find the right photo at the first place, and among the first 50."""

    role: str
    words: str
    name: str
    first: float
    among: float

    @property
    def first_width(self) -> float:
        return SCALE * self.first

    @property
    def among_width(self) -> float:
        return SCALE * self.among


@dataclass(frozen=True)
class Gain:
    """mean, lower and upper as signed numbers; the other fields are where they and the zero stand on the scale."""

    words: str
    mean: str
    lower: str
    upper: str
    at_zero: float
    at_mean: float
    at_lower: float
    at_upper: float


@dataclass(frozen=True)
class Kind:
    """One kind of questions: rescans or pairs."""

    title: str
    asked: str
    gain: Gain | None
    bars: list[Bar]


@dataclass(frozen=True)
class Damages:
    """names: the columns; rows: of each encoder the share at the first place, by damage."""

    names: list[str]
    rows: list[tuple[Bar, list[float | None]]]


@dataclass(frozen=True)
class Wire:
    words: str
    tripped: bool


@dataclass(frozen=True)
class Example:
    """before and after: what stood first in each list; the ranks are those of the right photo. damages: in words."""

    photo: Photo
    damages: str
    before: Photo
    after: Photo
    rank_before: int
    rank_after: int


@dataclass(frozen=True)
class Receipt:
    """words: the decision as a sentence, then its reasons. recall: of the fused ranking, as a sentence."""

    adopts: bool
    words: list[str]
    kinds: list[Kind]
    damages: Damages | None
    recall: str
    wires: list[Wire]
    better: list[Example]
    worse: list[Example]


def read_receipt(stored: Mapping[str, Any], person: Person) -> Receipt | None:
    """None where nothing was judged."""
    words = stored.get("words") or [word for word in [stored.get("decision")] if word]
    if not words:
        return None
    photos = _visible(stored, person)
    return Receipt(
        adopts=stored.get("decision") == ADOPT,
        words=words,
        kinds=[kind for kind in (_rescans(stored), _pairs(stored)) if kind.bars],
        damages=_damages(stored.get("figures", [])),
        recall=_recall(stored.get("recall", {})),
        wires=[_wire(wire) for wire in stored.get("tripwires", [])],
        better=_examples(stored.get("better", []), photos),
        worse=_examples(stored.get("worse", []), photos),
    )


# --- figures --------------------------------------------------------------------------------------------------------


def _rescans(stored: Mapping[str, Any]) -> Kind:
    asked = ngettext(
        "{number} photo was worn as if it had been handled for decades, and looked up in the collection.",
        "{number} photos were worn as if they had been handled for decades, and looked up in the collection.",
        stored.get("rescans", 0),
    ).format(number=stored.get("rescans", 0))
    return Kind(_("Rescans"), asked, _gain(stored, "rescans"), _bars(stored, "rescans"))


def _pairs(stored: Mapping[str, Any]) -> Kind:
    asked = ngettext(
        "{number} photo has a near-certain or confirmed duplicate that no encoder was told of, and was to find it.",
        "{number} photos have a near-certain or confirmed duplicate that no encoder was told of, and were to find it.",
        stored.get("pairs", 0),
    ).format(number=stored.get("pairs", 0))
    return Kind(_("Near-certain pairs"), asked, _gain(stored, "pairs"), _bars(stored, "pairs"))


def _bars(stored: Mapping[str, Any], kind: str) -> list[Bar]:
    return [_bar(figures, figures[kind]) for figures in stored.get("figures", []) if figures.get(kind)]


def _bar(figures: Mapping[str, Any], scores: Mapping[str, float]) -> Bar:
    role = figures["role"]
    return Bar(role, str(ROLES.get(role, role)), figures["name"], scores.get("hit@1", 0), scores.get("hit@50", 0))


def _gain(stored: Mapping[str, Any], kind: str) -> Gain | None:
    """All gains of a receipt are drawn on one scale."""
    gains = stored.get("gains", {})
    if kind not in gains:
        return None
    ends = [0.0, *(gain[name] for gain in gains.values() for name in ("lower", "upper"))]
    middle, span = (max(ends) + min(ends)) / 2, max(max(ends) - min(ends), LEAST_SPAN) * 1.2

    def place(value: float) -> float:
        return SCALE * ((value - middle) / span + 0.5)

    mean, lower, upper = (gains[kind][name] for name in ("mean", "lower", "upper"))
    words = _("better") if lower > 0 else _("worse") if upper < 0 else _("no clear difference")
    return Gain(
        words, _signed(mean), _signed(lower), _signed(upper), place(0.0), place(mean), place(lower), place(upper)
    )


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _damages(figures: Iterable[Mapping[str, Any]]) -> Damages | None:
    """As columns all damages that any of the encoders was asked about."""
    asked = [each for each in figures if each.get("damages")]
    names = _ordered({name for each in asked for name in each["damages"]})
    rows = [(_bar(each, each["rescans"]), [each["damages"].get(name) for name in names]) for each in asked]
    return Damages([str(DAMAGES.get(name, name)) for name in names], rows) if names else None


def _ordered(damages: Iterable[str]) -> list[str]:
    """The database gives them in no order that means anything."""
    return sorted(damages, key=lambda name: ([*DAMAGES, name].index(name), name))


def _recall(recall: Mapping[str, float]) -> str:
    if not recall:
        return ""
    shares = {role: f"{100 * share:.1f}" for role, share in recall.items()}
    return _(
        "Together with the classical encoder, and before geometry looks at them, the right photo is among the first"
        " {places} for {challenger} % of all queries; with the encoder that served then, for {present} %."
    ).format(places=RECALL_AT, **shares)


# --- tripwires --------------------------------------------------------------------------------------------------------


def _wire(wire: Mapping[str, Any]) -> Wire:
    known = {
        "collapse": (
            _(
                "It hardly tells the photos apart: it spreads them over too few directions ({value:.0f} of at least"
                " {limit:.0f})."
            ),
            _("It tells the photos apart in many ways ({value:.0f} directions, of at least {limit:.0f})."),
        ),
        "hubs": (
            _("A few photos turn up beside too many others (skewness {value:.1f}, of at most {limit:.1f})."),
            _("No photo turns up beside too many others (skewness {value:.1f}, of at most {limit:.1f})."),
        ),
        "drift": (
            _("Hardly any photo keeps its neighbours: {percent:.0f} % of the ten nearest, of at least {least:.0f} %."),
            _("The photos keep {percent:.0f} % of their ten nearest, of at least {least:.0f} %."),
        ),
    }
    tripped, sound = known.get(wire["name"], (wire["words"], wire["name"]))
    numbers = {name: wire[name] for name in ("value", "limit")}
    text = (tripped if wire["tripped"] else sound).format(
        **numbers, percent=100 * wire["value"], least=100 * wire["limit"]
    )
    return Wire(text, wire["tripped"])


# --- examples -------------------------------------------------------------------------------------------------------


def _visible(stored: Mapping[str, Any], person: Person) -> dict[int, Photo]:
    """The photos that the examples name and the person may see."""
    examples = [*stored.get("better", []), *stored.get("worse", [])]
    ids = {example[name] for example in examples for name in ("photo", "before", "after")}
    return adapter().visible(person, Photo.objects.filter(pk__in=ids)).in_bulk() if ids else {}


def _examples(stored: Iterable[Mapping[str, Any]], photos: Mapping[int, Photo]) -> list[Example]:
    return [
        Example(
            photos[example["photo"]],
            _in_words(example.get("damages", {})),
            photos[example["before"]],
            photos[example["after"]],
            example["rank_before"],
            example["rank_after"],
        )
        for example in stored
        if {example["photo"], example["before"], example["after"]} <= photos.keys()
    ]


def _in_words(damages: Mapping[str, float]) -> str:
    """“a fold, dust and scratches”."""
    return get_text_list([str(DAMAGES.get(name, name)) for name in _ordered(damages)], _("and"))
