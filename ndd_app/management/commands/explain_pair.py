from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ndd_app.exceptions import NddError
from ndd_app.management.stage import find_collection
from ndd_app.models import Candidate, Collection, Photo, Registration
from ndd_app.pipeline.pairs import common_partner
from ndd_app.pipeline.reasons import reasons_for


class Command(BaseCommand):
    help = "Say what every step of the matching makes of two photos, and where a pair that is not shown was lost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the collection")
        parser.add_argument("one", help="a photo: its path in the source, or its identifier")
        parser.add_argument("other", help="another photo of the collection")

    def handle(self, *args: Any, **options: Any) -> None:
        from ndd_app.pipeline.explanation import explain_pair

        collection = find_collection(options["slug"])
        one, other = (find_photo(collection, options[name]) for name in ("one", "other"))
        if one == other:
            raise CommandError("That is one photo. Name two.")
        try:
            found = explain_pair(one, other)
        except NddError as error:
            raise CommandError(str(error)) from error
        width = max(len(place.name) for place in found.places)
        self.stdout.write(f"{one.path} – {other.path}\n\n{'':{width}}  similarity  rank →  rank ←")
        for place in found.places:
            there, back = (rank or "–" for rank in (place.of_other, place.of_one))
            self.stdout.write(f"{place.name:{width}}  {place.similarity:10.3f}  {there:>6}  {back:>6}")
        self.stdout.write("")
        candidate = Candidate.objects.of(one).of(other).first()
        partner = common_partner(one, other, Photo.objects.all())
        for reason in reasons_for(one, other, candidate, Registration.objects.between(one, other), partner):
            self.stdout.write(reason)
        self.stdout.write(f"Same image: {found.same_image:.1%}. Same image or other exposure: {found.duplicate:.1%}.")
        self.stdout.write(found.outcome)


def find_photo(collection: Collection, name: str) -> Photo:
    photo = collection.photos.filter(path=name).first() or collection.photos.filter(identifier=name).first()
    if photo is None or not name:
        raise CommandError(f"{collection.slug} has no photo {name}. Photos are named by their path inside the source.")
    return photo
