"""Why a pair is thought to be one, in words."""

from django.utils.translation import gettext as _

from ndd_app.description import title_of
from ndd_app.models import Candidate, Photo, Registration

SLIGHT_TURN = 0.5
"""Degrees that are worth a word."""
SMALL_PART = 0.35
"""Of a scan. Exposures through colour filters may disagree as well, but match all over."""

OTHER_GRAIN, SAME_GRAIN = 0.10, 0.35
"""Those of vision/grain.py, which a web process must not import."""


def reasons_for(
    one: Photo,
    other: Photo,
    candidate: Candidate | None,
    registration: Registration | None,
    partner: Photo | None = None,
) -> list[str]:
    """Sentences for the people who decide; percentages name the scan of `one` first. `partner`: one of both photos."""
    words = []
    if one.pixel_hash == other.pixel_hash:
        same_file = one.checksum == other.checksum
        words.append(_("Both are the same file.") if same_file else _("Both have the same pixels, in two files."))
    if registration and registration.details:
        words += _of_geometry(registration.as_seen_from(one))
    elif registration or candidate:
        words.append(_nothing_found() if registration else _("Geometry did not look at these two."))
        if one.pixel_hash != other.pixel_hash:
            words.append(
                _through(partner) if partner else _("Only how alike they look as a whole speaks for this pair.")
            )
    if candidate and "retouched" in candidate.flags:
        words.append(_("In one place they show different things, and all around it the same: perhaps a retouch."))
    return words


def reason_of_ranks(candidate: Candidate | None) -> str:
    """Only for people who may see the whole collection: others would learn of photos that stand before these."""
    ranks = (candidate.rank_of_second, candidate.rank_of_first) if candidate else ()
    if ranks == (1, 1):
        return _("Each is the other's nearest photo in the collection.")
    return _("One is the other's nearest photo in the collection.") if 1 in ranks else ""


def _nothing_found() -> str:
    return _(
        "No matching points were found. That says nothing against the pair: two exposures of one session often have"
        " none."
    )


def _through(partner: Photo) -> str:
    return _("Both are likely duplicates of “{title}”.").format(title=title_of(partner))


def _of_geometry(details: dict) -> list[str]:
    inliers, (here, there) = details["inliers"], details["coverage"]
    points = _(
        "{inliers} matching points that span {here} and {there} of the scans{turned}, aligned correlation"
        " {correlation}."
    ).format(
        inliers=inliers,
        here=_percent(here),
        there=_percent(there),
        turned=_turned(details),
        correlation=f"{details['correlation']:.2f}",
    )
    words = [points]
    if details.get("views", 1) > 1:
        words.append(_("The points were found by looking at both scans from other sides, as a camera at a slant does."))
    if details.get("bent"):
        words.append(
            _("They lie on each other along a curve: a print that is not flat, or a thing seen from another side.")
        )
    if details["inverted"]:
        words.append(_("One of them is a negative."))
    covers, covered = details["overlap"]
    if min(covers, covered) < 0.95:
        words.append(
            _("Laid on each other, {here} of the left scan and {there} of the right one show the same.").format(
                here=_percent(covers), there=_percent(covered)
            )
        )
    if details.get("form"):
        words.append(_of_sheets(details.get("grain")))
    elif (details.get("grain") or 0) >= SAME_GRAIN:
        words.append(_("Both are sheets, and where there is no ink the grain of the paper is the same."))
    elif details.get("mark") and min(here, there) < SMALL_PART:
        words.append(
            _("What matches lies exactly alike and the rest differs: perhaps a caption, a stamp or a chart on both.")
        )
    return words


def _of_sheets(grain: float | None) -> str:
    if grain is not None and grain < OTHER_GRAIN:
        return _("Both are sheets, and where there is no ink the grain of the paper differs: perhaps two of one form.")
    return _("Both are written or printed sheets, and little of what is on them matches: perhaps two of one form.")


def _turned(details: dict) -> str:
    mirrored = _(", mirrored") if details["mirrored"] else ""
    degrees = abs(details["rotation"])
    return mirrored + (_(", turned by {degrees}°").format(degrees=f"{degrees:.1f}") if degrees >= SLIGHT_TURN else "")


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"
