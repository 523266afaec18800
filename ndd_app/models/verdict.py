from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from ndd_app.models.collection import Collection
from ndd_app.models.photo import Photo


class VerdictQuerySet(models.QuerySet["Verdict"]):
    def between(self, one: Photo, other: Photo) -> "VerdictQuerySet":
        first, second = sorted([one, other], key=lambda photo: photo.pk)
        return self.filter(first=first, second=second)

    def touching(self, collection: Collection) -> "VerdictQuerySet":
        """On pairs of the collection's photos with each other and with photos of others, both of which are there."""
        touching = self.filter(Q(first__collection=collection) | Q(second__collection=collection))
        return touching.filter(first__isnull=False, second__isnull=False)

    def across(self, collection: Collection) -> "VerdictQuerySet":
        """On pairs of the collection's photos with photos of others."""
        return self.touching(collection).exclude(first__collection=F("second__collection"))

    def latest_of_each_person(self) -> "VerdictQuerySet":
        """A name tells who it was only where the account is gone: accounts are renamed, and names given anew."""
        newer = Verdict.objects.filter(first=OuterRef("first"), second=OuterRef("second"), pk__gt=OuterRef("pk"))
        of_account = newer.filter(person=OuterRef("person"))
        of_name = newer.filter(person=None, person_name=OuterRef("person_name"))
        return self.exclude(Exists(of_account)).exclude(Q(person=None) & Exists(of_name))


class Verdict(models.Model):
    """A person's answer whether two photos are duplicates. Rows are only added, never changed or removed.

    It stays when a host deletes one of the photos: checksum and name remain.
    """

    class Answer(models.TextChoices):
        YES = "yes", "Yes, duplicates"
        NO = "no", "No"
        UNSURE = "unsure", "Unsure"

    first = models.ForeignKey(Photo, models.SET_NULL, null=True, related_name="+")
    second = models.ForeignKey(Photo, models.SET_NULL, null=True, related_name="+")
    first_checksum = models.CharField(max_length=64)
    second_checksum = models.CharField(max_length=64)
    first_name = models.CharField(max_length=1000)
    second_name = models.CharField(max_length=1000)
    answer = models.CharField(max_length=10, choices=Answer.choices)
    note = models.TextField(blank=True)
    score = models.FloatField(null=True, help_text="The candidate's score when the person answered.")
    probability = models.FloatField(null=True, help_text="The candidate's probability when the person answered.")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    person_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = VerdictQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["first", "second"])]
        constraints = [models.CheckConstraint(condition=Q(first__lt=F("second")), name="verdict_low_id_first")]

    @property
    def who(self) -> Any:
        """The id of the account, or the name where that is gone."""
        return self.person_id or self.person_name

    def __str__(self) -> str:
        return f"{self.first_name} – {self.second_name}: {self.answer} ({self.person_name})"
