import pytest
from django.utils import timezone

from ndd_app.models import Verdict
from ndd_app.pipeline.pairs import count_open
from ndd_app.pipeline.reliability import tenths_of
from ndd_app.pipeline.review import latest_verdict_of, record_verdict, settled_pairs
from tests.factories import make_cataloguer, make_collection, make_pair, make_photo

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair():
    album = make_collection(show_from=0.5, matched_at=timezone.now())
    return make_pair(make_photo(album), make_photo(album))


def answer(pair, given, person) -> Verdict:
    return record_verdict(pair.first, pair.second, given, person)


def answers(pair) -> list[str]:
    latest = Verdict.objects.between(pair.first, pair.second).latest_of_each_person()
    return sorted(latest.values_list("answer", flat=True))


def test_whoever_is_renamed_can_take_an_answer_back(pair):
    ana = make_cataloguer("ana")
    answer(pair, "no", ana)
    ana.username = "ana.novak"
    ana.save()
    answer(pair, "yes", ana)
    assert answers(pair) == ["yes"]
    assert [*settled_pairs([pair.first, pair.second]).values()] == ["yes"]
    assert [tenth.confirmed for tenth in tenths_of(pair.first.collection, ana)] == [1]


def test_a_new_account_takes_over_no_answers_of_an_earlier_one_of_its_name(pair):
    ana = make_cataloguer("ana")
    answer(pair, "unsure", ana)
    ana.username = "ana.novak"
    ana.save()
    new = make_cataloguer("ana")
    assert latest_verdict_of(new, pair.first, pair.second) is None
    assert count_open(pair.first.collection, new) == 1
    answer(pair, "yes", new)
    assert answers(pair) == ["unsure", "yes"]


def test_an_account_that_is_gone_is_told_by_its_name(pair):
    ana = make_cataloguer("ana")
    answer(pair, "no", ana)
    answer(pair, "unsure", ana)
    ana.delete()
    assert answers(pair) == ["unsure"]
    answer(pair, "yes", make_cataloguer("ana"))
    assert answers(pair) == ["unsure", "yes"]
