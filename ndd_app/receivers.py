"""What follows when something has happened: the wiring between signals and tasks."""

from typing import Any

from ndd_app.models import Collection, Job
from ndd_app.signals import collection_ingested


def connect() -> None:
    collection_ingested.connect(find_duplicates_of_new_photos, dispatch_uid="ndd.find_duplicates_of_new_photos")


def find_duplicates_of_new_photos(collection: Collection, **_: Any) -> None:
    if not _has_photos_that_nobody_will_match(collection):
        return
    from ndd_app.tasks import SERVE_FIRST, THEN_ADAPT, enqueue

    # Photos added later use the encoders that are there; fitting anew is offered, not done behind one's back.
    adapting = collection.jobs.unfinished().filter(kind=Job.Kind.ADAPT)
    first_time = not (collection.encoders.exists() or adapting.exists())
    enqueue(collection, [*SERVE_FIRST, *(THEN_ADAPT if first_time else [])])


def _has_photos_that_nobody_will_match(collection: Collection) -> bool:
    """Not the same as “photos were added”: a worker may have died after the last photo and before this signal."""
    given_up = [Job.State.FAILED, Job.State.CANCELLED]
    matchings = collection.jobs.filter(kind=Job.Kind.MATCH).exclude(parameters__has_key="preview")  # it only reports
    last = matchings.exclude(state__in=given_up).order_by("pk").last()
    photos = collection.photos.all()
    return photos.filter(ingested_at__gt=last.created_at).exists() if last else photos.exists()
