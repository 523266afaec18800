from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ndd_app.exceptions import NddError
from ndd_app.extras import require_vision
from ndd_app.management.stage import find_collection
from ndd_app.models import Candidate, Collection, Photo, Registration
from ndd_app.pipeline.pairs import common_partner
from ndd_app.pipeline.reasons import reason_of_ranks, reasons_for
from ndd_app.pipeline.trace import Place, trace_pair
from ndd_app.text import percent


class Command(BaseCommand):
    help = "Say what every step of the matching makes of two photos, and where a pair that is not shown was lost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the collection")
        parser.add_argument("one", help="a photo: its path in the source, or its identifier")
        parser.add_argument("other", help="another photo of the collection")
        parser.add_argument("--in", dest="other_slug", help="the collection of the other photo, if it is another one")

    def handle(self, *args: Any, **options: Any) -> None:
        one = find_photo(find_collection(options["slug"]), options["one"])
        other = find_photo(find_collection(options["other_slug"] or options["slug"]), options["other"])
        if one == other:
            raise CommandError(f"“{options['one']}” and “{options['other']}” are one photo. Name two different ones.")
        try:
            places, registration, chances, outcome = self.explain(one, other)
        except NddError as error:
            raise CommandError(str(error)) from error
        width = max((len(place.name) for place in places), default=0)
        self.stdout.write(f"{one.path} – {other.path}\n\n{'':{width}}  similarity  rank →  rank ←")
        for place in places:
            there, back = (rank or "–" for rank in (place.of_other, place.of_one))
            similarity = "–" if place.similarity is None else f"{place.similarity:.3f}"
            self.stdout.write(f"{place.name:{width}}  {similarity:>10}  {there:>6}  {back:>6}")
        self.stdout.write("")
        candidate = Candidate.objects.between(one, other)
        partner = common_partner(one, other, Photo.objects.all())
        for reason in [*reasons_for(one, other, candidate, registration, partner), reason_of_ranks(candidate)]:
            if reason:
                self.stdout.write(reason)
        if chances:
            same_image, any_exposure = map(percent, chances)
            self.stdout.write(f"Same image: {same_image} likely. Same image or other exposure: {any_exposure} likely.")
        self.stdout.write(outcome)

    def explain(
        self, one: Photo, other: Photo
    ) -> tuple[list[Place], Registration | None, tuple[float, float] | None, str]:
        """Within a collection the pair is verified here and now; across, what the database holds is told."""
        if one.collection_id != other.collection_id:
            trace = trace_pair(one, other, Photo.objects.all())
            found = trace.candidate
            chances = (found.probability_same_image, found.probability) if found else None
            return trace.places, trace.registration, chances, trace.outcome
        require_vision()
        from ndd_app.pipeline.explanation import explain_pair

        explained = explain_pair(one, other)
        chances = explained.same_image, explained.duplicate
        return explained.places, explained.registration, chances, explained.outcome


def find_photo(collection: Collection, name: str) -> Photo:
    photo = collection.photos.filter(path=name).first() or collection.photos.filter(identifier=name).first()
    if photo is None or not name:
        raise CommandError(f"{collection.slug} has no photo {name}. Photos are named by their path inside the source.")
    return photo
