import pytest
from django.test import Client
from django.utils import timezone

from tests.factories import make_cataloguer, make_collection, make_photo, make_user


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
