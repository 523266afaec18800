"""Records in messages."""

from django.utils.text import Truncator

from ndd_app.description import title_of
from ndd_app.models import Photo


def short_title(photo: Photo) -> str:
    return Truncator(title_of(photo)).chars(60)
