from django.db import models
from django.urls import reverse


class Collection(models.Model):
    slug = models.SlugField(max_length=100, unique=True, allow_unicode=True)
    title = models.CharField(max_length=300)
    note = models.TextField(blank=True, help_text="What the collection holds; shown above its photos.")
    is_public = models.BooleanField("public", default=False, help_text="Visible without logging in.")
    threshold = models.FloatField(
        "show pairs from score",
        null=True,
        blank=True,
        help_text="Pairs with at least this score are shown. Empty: the score that the last matching suggested.",
    )
    suggested_threshold = models.FloatField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("collection", args=[self.slug])

    @property
    def shown_from(self) -> float | None:
        """The lowest score of a shown pair; None before the first matching."""
        return self.suggested_threshold if self.threshold is None else self.threshold
