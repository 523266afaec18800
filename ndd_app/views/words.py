"""Records in messages."""

from django.utils.text import Truncator

from ndd_app.description import adapter
from ndd_app.models import Photo


def short_title(photo: Photo) -> str:
    return Truncator(adapter().title(photo)).chars(60)
