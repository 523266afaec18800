"""Where values of a description came from: the copies that still stand."""

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from ndd_app.description import adapter, description_of
from ndd_app.models import MetadataCopy, Photo
from ndd_app.pipeline.review import Person


def copied_fields(photo: Photo, person: Person) -> list[MetadataCopy]:
    """The latest copy into each field of the photo's record, where the copied value is still there unchanged."""
    scans = Q(target=photo) | Q(target__record=photo.record) if photo.record else Q(target=photo)
    standing = MetadataCopy.objects.filter(scans, undone_at=None)
    copies = _with_hidden_sources(standing, person).select_related("source__collection", "target")
    latest: dict[str, MetadataCopy] = {}
    for copy in copies.order_by("pk"):
        if copy.target and (copy.target == photo or adapter().same_record(photo, copy.target)):
            latest[copy.field] = copy
    present = description_of(photo) if latest else {}
    return [copy for copy in latest.values() if present.get(copy.field) == copy.after]


def copies_between(one: Photo, other: Photo) -> QuerySet[MetadataCopy]:
    between = Q(source=one, target=other) | Q(source=other, target=one)
    return MetadataCopy.objects.filter(between, undone_at=None)


def visible_copies(person: Person) -> QuerySet[MetadataCopy]:
    """The log, newest first: copies to records that the person may see.

    To records that are no longer there only for those who copied, or who may see all of the log: nobody knows any
    more who else might.
    """
    visible = adapter().visible(person, Photo.objects.all()).order_by().values("pk")
    gone = Q(target=None)
    if not person.has_perm("ndd_app.view_metadatacopy"):
        gone &= Q(person=person.pk, person__isnull=False)
    copies = _with_hidden_sources(MetadataCopy.objects.filter(Q(target__in=visible) | gone), person)
    return copies.select_related("source__collection", "target__collection").order_by("-pk")


def _with_hidden_sources(copies: QuerySet[MetadataCopy], person: Person) -> QuerySet[MetadataCopy]:
    """`hides_source`: the source is there, but not for this person; then nothing of it is told."""
    visible = adapter().visible(person, Photo.objects.all()).order_by().values("pk")
    is_hidden = Q(source__isnull=False) & ~Q(source__in=visible)
    return copies.annotate(hides_source=ExpressionWrapper(is_hidden, output_field=BooleanField()))
