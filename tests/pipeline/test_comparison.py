import pytest

from ndd_app.pipeline.comparison import compare_descriptions, fields_to_gain
from tests.factories import make_collection, make_photo

pytestmark = pytest.mark.django_db


def compared(field: str, one, other):
    album = make_collection()
    photos = [make_photo(album, seed=1, **{field: value}) for value in (one, other)]
    return next(c for c in compare_descriptions(*photos) if c.field.name == field)


def marked(parts) -> list[str]:
    return [part.text for part in parts if part.differs]


@pytest.mark.parametrize(
    ("one", "other", "agreement"),
    [("a", "a", "same"), ("a", "b", "different"), ("a", "", "only one"), ("", "b", "only other"), ("", "", "absent")],
)
def test_agreement(one, other, agreement):
    assert compared("place", one, other).agreement == agreement


def test_differing_words_are_marked():
    comparison = compared("description", "Three men on the left bank.", "Two men on the left bank, below the bridge.")
    assert marked(comparison.one_parts) == ["Three", "bank."]
    assert "".join(part.text for part in comparison.other_parts) == comparison.other


def test_quite_different_texts_are_not_dissected():
    comparison = compared("title", "Harvest", "Market on the square")
    assert marked(comparison.one_parts + comparison.other_parts) == []


def test_entries_that_the_other_list_lacks_are_marked():
    comparison = compared("subjects", ["river", "bridge"], ["bridge", "men"])
    assert (marked(comparison.one_parts), marked(comparison.other_parts)) == (["river"], ["men"])


def test_what_there_is_to_gain():
    album = make_collection()
    one, other = make_photo(album, title="Mill"), make_photo(album, title="Old mill", date="1912", subjects=["mills"])
    assert [field.name for field in fields_to_gain(one, other)] == ["date", "subjects"]
    assert fields_to_gain(other, one) == []
