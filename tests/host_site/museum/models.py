"""The museum's own records. ndd adds nothing to them; a scan (ndd's Photo) names its item in `record`."""

from django.db import models
from django.urls import reverse


class Maker(models.Model):
    name = models.CharField(max_length=200, unique=True)

    def __str__(self) -> str:
        return self.name


class Item(models.Model):
    number = models.CharField(max_length=50, unique=True)
    caption = models.CharField(max_length=300, blank=True)
    maker = models.ForeignKey(Maker, models.PROTECT, null=True, blank=True)
    made = models.CharField(max_length=50, blank=True)
    keywords = models.JSONField(default=list, blank=True)
    story = models.TextField(blank=True)
    on_display = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.number} {self.caption}".strip()

    def get_absolute_url(self) -> str:
        return reverse("item", args=[self.number])
