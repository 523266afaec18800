import pytest
from django.test import Client
from django.utils import timezone

from ndd_app.description import DublinCoreAdapter
from ndd_app.models import EMBEDDING_SIZE, Embedding
from ndd_app.pipeline.copying import copy_description
from ndd_app.pipeline.review import record_verdict
from tests.factories import make_cataloguer, make_collection, make_encoder, make_pair, make_photo, make_user
from tests.web.pomegranate import WORD

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


@pytest.fixture
def hidden(settings, collection):
    """The photo of a collection that only the staff may see."""
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.pomegranate.NoSecrets"
    secret = make_collection("pomegranate", title=f"{WORD} Papers", show_from=0.5, matched_at=timezone.now())
    return make_photo(secret, "pomegranate.jpg", title=f"{WORD} tree", identifier="POMEGRANATE-1", date="1912", seed=77)


@pytest.fixture
def pair(hidden, described):
    return make_pair(described, hidden, 0.95, detectors=("classical", "geometry"))


@pytest.fixture
def staff(db):
    person = make_cataloguer("vera", is_staff=True)
    return logged_in(person)


@pytest.fixture
def all_that_can_be_known(pair, hidden, described, bare):
    """Pairs of every sort with the hidden photo, answers, a copy."""
    vera = make_cataloguer("vera2", is_staff=True)
    third = make_photo(described.collection, seed=5)
    fourth = make_photo(described.collection, seed=6)
    make_pair(bare, hidden, 0.2)  # less likely
    make_pair(third, hidden, 0.97)
    record_verdict(third, hidden, "no", vera)
    record_verdict(fourth, hidden, "yes", vera)
    copy_description(hidden, bare, {"date": "fill"}, vera)
    return [described, bare, third, fourth]
