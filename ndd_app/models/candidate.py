from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Greatest

from ndd_app.models.collection import Collection
from ndd_app.models.encoder import Encoder
from ndd_app.models.photo import Photo
from ndd_app.models.verdict import Verdict


class CandidateQuerySet(models.QuerySet["Candidate"]):
    def of(self, photo: Photo) -> "CandidateQuerySet":
        return self.filter(Q(first=photo) | Q(second=photo))

    def between(self, one: Photo, other: Photo) -> "Candidate | None":
        first, second = sorted([one, other], key=lambda photo: photo.pk)
        pairs = self.select_related("first__collection", "second__collection")
        return pairs.filter(first=first, second=second).first()

    # Photos of a pair may lie in two collections; the low id comes first, whichever collection it is of.

    def within(self, collection: Collection) -> "CandidateQuerySet":
        return self.filter(first__collection=collection, second__collection=collection)

    def touching(self, collection: Collection) -> "CandidateQuerySet":
        """Pairs within the collection, and those of its photos with photos of others."""
        return self.filter(Q(first__collection=collection) | Q(second__collection=collection))

    def across(self, collection: Collection) -> "CandidateQuerySet":
        """Pairs of its photos with photos of other collections."""
        return self.touching(collection).exclude(first__collection=F("second__collection"))

    def shown(self) -> "CandidateQuerySet":
        """Pairs that are likely enough for the collections of both photos, or that people have settled as “yes”."""
        return self.shown_from(Greatest("first__collection__show_from", "second__collection__show_from"))

    def shown_from(self, chance: "float | Greatest") -> "CandidateQuerySet":
        """Those that would be, were this the chance: without what people have refused, with what they confirmed."""
        likely = Q(probability__gte=chance) | _settled_as(Verdict.Answer.YES)
        return self.filter(likely).not_refused().of_two_records()

    def likely_from(self, chance: float) -> "CandidateQuerySet":
        """What the machine alone would show."""
        return self.filter(probability__gte=chance).of_two_records()

    def expected_false(self) -> float:
        """How many are expected to be no duplicates: what the chances leave open of those that nobody has confirmed."""
        open_pairs = self.exclude(_settled_as(Verdict.Answer.YES))
        return open_pairs.order_by().aggregate(none=Sum(1 - F("probability"), default=0.0))["none"]

    def of_two_records(self) -> "CandidateQuerySet":
        """Without pairs of scans that were put on one record since they were matched."""
        return self.exclude(~Q(first__record=""), first__record=F("second__record"))

    def not_refused(self) -> "CandidateQuerySet":
        return self.exclude(_settled_as(Verdict.Answer.NO))


def _settled_as(answer: str) -> Q:
    """Pairs on which the latest answers of all people are this one."""
    answers = Verdict.objects.latest_of_each_person().filter(first=OuterRef("first"), second=OuterRef("second"))
    return Q(Exists(answers.filter(answer=answer)) & ~Exists(answers.exclude(answer=answer)))


class Candidate(models.Model):
    """A pair of photos that the machine takes for possible duplicates. Computed anew by every matching."""

    first = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    second = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    score = models.FloatField(db_index=True, help_text="Orders the pairs: the higher comes first.")
    rank_of_second = models.PositiveIntegerField(null=True, help_text="Place of the second photo in the first's list.")
    rank_of_first = models.PositiveIntegerField(null=True, help_text="Place of the first photo in the second's list.")

    class Relation(models.TextChoices):
        SAME_IMAGE = "same image", "same image"
        OTHER_EXPOSURE = "other exposure", "other exposure"
        SAME_SESSION = "same session or subject", "same session or subject"
        LOOK_ALIKE = "look-alike", "look-alike"

    relation = models.CharField(max_length=30, choices=Relation.choices, blank=True)
    flags = models.JSONField(default=list, blank=True)
    probability_same_image = models.FloatField(default=0)
    probability = models.FloatField(help_text="Of being the same image or another exposure.")

    objects = CandidateQuerySet.as_manager()

    class Meta:
        ordering = ["-score"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="candidate_pair_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="candidate_low_id_first"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} – {self.second_id}: {self.score:.2f}"

    @property
    def show_from(self) -> float:
        """The chance from which it is shown: likely enough for both collections, where there are two."""
        return max(self.first.collection.show_from, self.second.collection.show_from)

    def other(self, photo: Photo) -> Photo:
        return self.second if photo.pk == self.first_id else self.first


class Evidence(models.Model):
    """What one detector says about a candidate pair."""

    class Detector(models.TextChoices):
        SAME_FILE = "same file", "same file"
        SAME_PIXELS = "same pixels", "same pixels"
        DEEP = "deep", "deep encoder"
        CLASSICAL = "classical", "classical encoder"
        PHASH = "phash", "pHash"
        BLOCK_MEAN = "block mean", "block mean hash"
        GEOMETRY = "geometry", "geometry"

    candidate = models.ForeignKey(Candidate, models.CASCADE, related_name="evidence")
    detector = models.CharField(max_length=20, choices=Detector.choices)
    encoder = models.ForeignKey(Encoder, models.CASCADE, null=True, blank=True)
    score = models.FloatField(
        help_text="Cosine, share of equal bits, number of matching points, or 1 for equal files and pixels."
    )
    rank_of_second = models.PositiveIntegerField(null=True)
    rank_of_first = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["candidate_id", "detector"]
        verbose_name_plural = "evidence"
        constraints = [models.UniqueConstraint(fields=["candidate", "detector"], name="evidence_once_per_detector")]

    def __str__(self) -> str:
        return f"{self.get_detector_display()}: {self.score:.2f}"
