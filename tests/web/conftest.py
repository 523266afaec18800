import pytest
from django.test import Client
from django.utils import timezone

from ndd_app.description import DublinCoreAdapter
from ndd_app.models import EMBEDDING_SIZE, Embedding
from tests.factories import make_cataloguer, make_collection, make_encoder, make_photo, make_user

ADOPT = {"decision": "adopt", "words": ["Adopt: it finds more on this collection, and loses nothing."]}


class OnlyDescribed(DublinCoreAdapter):
    """A host where photos without a title may not be seen."""

    def visible(self, user, photos):
        return super().visible(user, photos).exclude(title="")


@pytest.fixture
def collection(db):
    return make_collection("album", title="Album", show_from=0.5, matched_at=timezone.now())


@pytest.fixture
def described(collection):
    return make_photo(collection, title="Old bridge", date="1912", subjects=["river", "bridge"])


@pytest.fixture
def bare(collection):
    return make_photo(collection)


@pytest.fixture
def cataloguer(db):
    return make_cataloguer("ana")


def logged_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ana(cataloguer) -> Client:
    """The browser of a cataloguer."""
    return logged_in(cataloguer)


@pytest.fixture
def reader(db) -> Client:
    """The browser of somebody who may look at everything and change nothing."""
    return logged_in(make_user("rok"))


@pytest.fixture
def boss(db) -> Client:
    """The browser of an administrator."""
    return logged_in(make_user("mojca", is_staff=True, is_superuser=True))


@pytest.fixture
def site(described, bare):
    return embed(make_encoder(is_serving=True), described, bare)


@pytest.fixture
def own(collection, site, described, bare):
    """Ready to serve, and better than the site's."""
    return embed(make_encoder(collection, receipt=ADOPT), described, bare)


def embed(encoder, *photos):
    for photo in photos:
        Embedding.objects.create(encoder=encoder, photo=photo, vector=[1] + [0] * (EMBEDDING_SIZE - 1))
    return encoder


def page_of(client, encoder) -> str:
    return client.get(encoder.get_absolute_url()).content.decode()
