"""A receipt as the pipeline stores it, of any photos."""

from typing import Any

from ndd_app.models import Photo

ROLES = ("challenger", "present", "site", "whitened", "classical", "hashing")
WIRES = {"collapse": (130.2, 48.1), "hubs": (0.2, 1.4), "drift": (0.56, 0.2)}


def stored_receipt(decision: str = "adopt", **values: Any) -> dict[str, Any]:
    """Of a challenger that finds 9 of 10 rescans first, among encoders that find fewer and fewer."""
    gain = {"mean": 0.02, "lower": 0.01, "upper": 0.04}
    return {
        "decision": decision,
        "words": ["Adopt: it finds more on this collection, and loses nothing.", "Gain: rescans +0.020."],
        "photos": 201,
        "rescans": 200,
        "pairs": 108,
        "gains": {"rescans": gain, "pairs": gain | {"lower": -0.01}},
        "recall": {"challenger": 0.981, "present": 0.972},
        "tripwires": [
            {"name": name, "value": value, "limit": limit, "tripped": False, "words": "it went wrong"}
            for name, (value, limit) in WIRES.items()
        ],
        "figures": [figures_of(role, 0.9 - number / 10) for number, role in enumerate(ROLES)],
        "better": [],
        "worse": [],
    } | values


def figures_of(role: str, hit: float) -> dict[str, Any]:
    scores = {"hit@1": hit, "hit@50": 0.95, "reciprocal rank": hit}
    return {
        "role": role,
        "name": f"the {role} #7",
        "rescans": scores,
        "pairs": scores,
        "damages": {"fold": hit, "dust": 0.25},
    }


def example(
    photo: Photo, before: Photo, after: Photo, ranks: tuple[int, int] = (14, 1), **damages: float
) -> dict[str, Any]:
    """ranks: of the right photo, before and after."""
    named = {"photo": photo.pk, "before": before.pk, "after": after.pk}
    return {**named, "rank_before": ranks[0], "rank_after": ranks[1], "damages": damages}
