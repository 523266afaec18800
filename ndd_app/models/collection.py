from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse


class Collection(models.Model):
    slug = models.SlugField(max_length=100, unique=True, allow_unicode=True)
    title = models.CharField(max_length=300)
    note = models.TextField(blank=True, help_text="What the collection holds; shown above its photos.")
    is_public = models.BooleanField("public", default=False, help_text="Visible without logging in.")
    show_from = models.FloatField(
        "show pairs from a chance of",
        default=0.9,
        validators=[MinValueValidator(0.01), MaxValueValidator(0.999)],
        help_text="Between 0.01 and 0.999: how likely a pair must be to show one image, or two exposures of one scene.",
    )
    announces_matches = models.BooleanField(
        default=False,
        help_text="Where a record has a likely duplicate here, people who may not see this collection are told so, and"
        " whom to ask: its title and the next field, nothing else.",
    )
    contact = models.CharField("whom to ask", max_length=300, blank=True, help_text="A person, an office, an address.")
    matched_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("collection", args=[self.slug])
