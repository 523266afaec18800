"""A collection that only the staff may see, and what would betray it to others."""

from django.urls import reverse

from ndd_app.description import DublinCoreAdapter
from tests.factories import record_page

WORD = "Pomegranate"
"""Stands in everything about the hidden collection."""


class NoSecrets(DublinCoreAdapter):
    """A host that shows one of its collections to its staff only."""

    def visible(self, user, photos):
        return photos if user.is_staff else photos.exclude(collection__slug="pomegranate")


def pages(collection, *photos) -> list[str]:
    return [
        reverse("collections"),
        collection.get_absolute_url(),
        collection.get_absolute_url() + "?show=duplicates",
        reverse("ndd:groups", args=[collection.slug]),
        reverse("ndd:review", args=[collection.slug]),
        reverse("ndd:copies"),
        reverse("ndd:jobs"),
        reverse("ndd:encoders"),
        reverse("ndd:compare", args=[photos[0].pk, photos[1].pk]),
        reverse("ndd:explain", args=[photos[0].pk, photos[1].pk]),
        *(record_page(photo) for photo in photos),
    ]


def text(client, address: str) -> str:
    response = client.get(address, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def reveals(page: str) -> bool:
    return WORD.lower() in page.lower()
