from typing import Any

from django.db import models
from django.db.models import F, Q

from ndd_app.models.photo import Photo


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def between(self, one: Photo, other: Photo) -> "Registration | None":
        first, second = sorted([one, other], key=lambda photo: photo.pk)
        return self.filter(first=first, second=second).first()


class Registration(models.Model):
    """What geometry found of two photos: kept, so that no pair is verified twice. Can be rebuilt at any time.

    `details` is empty where nothing was found, which is no evidence against the pair. Else it holds: `matches`,
    `inliers` and `cells` (numbers of keypoints and of distinct places among them); `share`, of the keypoints where both
    scans lie; `views`, more than 1 where they were found on tilted scans (vision/tilts.py), absent in old rows; `bent`
    (vision/bending.py); `mirrored` and `inverted`; `homography`, nine numbers, from places on the first scan to places
    on the second, in units of each scan's longer side; `points`, up to 100 of [x, y, x, y] on both; `scale`, `rotation`
    (degrees), `moved` (how far a corner lies from the other scan's), `residual`; `coverage`, `overlap`, `outside`,
    `agreement` and `tone`, each for both scans; `beyond`, the same, or null (see vision/outline.py); `correlation`;
    `rest` (see vision/overlay.py), `likeness` (see vision/likeness.py), or null; `retouched`; `mark` if the rest
    disagrees with what lies exactly; `paper` (see vision/sheets.py); `grain` (see vision/grain.py), or null; `form` if
    both are sheets and perhaps two of one form.
    """

    first = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    second = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    recipe = models.CharField(max_length=200, help_text="Names the keypoints and the check exactly.")
    details = models.JSONField(default=dict)

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="registration_pair_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="registration_low_id_first"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} on {self.second_id}: {self.details.get('inliers', 0)} matching points"

    def as_seen_from(self, photo: Photo) -> dict[str, Any]:
        """The details with the photo's own values first; the homography stays as it is."""
        if photo.pk == self.first_id or not self.details:
            return self.details
        turned = {key: value[::-1] for key, value in self.details.items() if key in SIDES}
        return {**self.details, **turned, "points": [[*point[2:], *point[:2]] for point in self.details["points"]]}


SIDES = ("coverage", "overlap", "outside", "beyond", "agreement", "tone")
