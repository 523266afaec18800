from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ndd_app.models import Verdict
from ndd_app.pipeline.pairs import count_open
from ndd_app.pipeline.review import record_verdict
from tests.factories import make_cataloguer, make_collection, make_pair, make_photo, record_page


def address(one, other, name="compare") -> str:
    return reverse(f"ndd:{name}", args=[one.pk, other.pk])


def test_descriptions_side_by_side(ana, collection, described):
    other = make_photo(collection, title="Old bridge", date="1913", place="Bled")
    response = ana.get(address(described, other))
    assert {c.field.name: str(c.agreement) for c in response.context["comparisons"]} == {
        "title": "same", "date": "different", "place": "only other", "subjects": "only one"
    }  # fmt: skip
    assert "Absent in both: Creator, Description, Rights, Source, Notes." in response.content.decode()


def test_the_side_with_more_to_give_is_proposed_as_the_source(ana, described, bare):
    page = ana.get(address(bare, described)).content.decode()
    assert f'primary" href="{reverse("ndd:copy", args=[described.pk, bare.pk])}?next=' in page


def test_ranks_follow_the_sides(ana, described, bare):
    make_pair(described, bare)
    row = '<td class="number">{}</td>\n        <td class="number">{}</td>'
    assert row.format(1, 2) in ana.get(address(described, bare)).content.decode()
    assert row.format(2, 1) in ana.get(address(bare, described)).content.decode()


def test_pairs_that_no_matching_named_can_be_compared(ana, cataloguer, described, bare):
    page = ana.get(address(described, bare)).content.decode()
    assert "The matching did not name this pair." in page
    assert "named by a person" not in page
    record_verdict(described, bare, "yes", cataloguer)
    assert "named by a person, not found by the matching" in ana.get(address(described, bare)).content.decode()


def test_a_pair_without_evidence_says_so(ana, described, bare):
    make_pair(described, bare, detectors=())
    assert "It was not recorded what found this pair." in ana.get(address(described, bare)).content.decode()


def test_ranks_are_a_matter_of_one_collection(ana, described, bare):
    other = make_photo(make_collection("other"), "other.jpg", seed=9)
    make_pair(described, bare)
    make_pair(described, other)
    assert "Rank →" in ana.get(address(described, bare)).content.decode()
    assert "Rank →" not in ana.get(address(described, other)).content.decode()


def test_what_geometry_found_is_asked_for_once(ana, described, bare):
    make_pair(described, bare)
    with CaptureQueriesContext(connection) as queries:
        ana.get(address(described, bare))
    assert sum('FROM "ndd_app_registration"' in query["sql"] for query in queries) == 1


def test_probability_and_relation_are_shown_where_known(ana, described, bare):
    pair = make_pair(described, bare)
    pair.probability, pair.probability_same_image, pair.relation, pair.flags = 0.97, 0.42, "other exposure", ["crop"]
    pair.save()
    page = ana.get(address(described, bare)).content.decode()
    assert "97 %" in page
    assert "42 %" in page
    assert "other exposure" in page
    assert '<span class="flag">crop</span>' in page


def test_an_answer_is_recorded_with_its_note(ana, described, bare):
    make_pair(described, bare, score=0.8)
    ana.post(address(described, bare, "verdict"), {"answer": "unsure", "note": "the left third is cut off"})
    verdict = Verdict.objects.get()
    assert (verdict.answer, verdict.person_name, verdict.score) == ("unsure", "ana", 0.8)
    page = ana.get(address(described, bare)).content.decode()
    assert "the left third is cut off" in page
    assert 'value="unsure" class="unsure" data-key="u" aria-pressed="true"' in page


def test_answers_of_all_people_are_shown(ana, cataloguer, described, bare):
    record_verdict(described, bare, "no", cataloguer)
    record_verdict(described, bare, "yes", make_cataloguer("bojan"))
    page = ana.get(address(described, bare)).content.decode()
    assert "bojan" in page
    assert "The answers differ: the pair stays in view." in page


def test_no_answer_is_no_answer(ana, described, bare):
    response = ana.post(address(described, bare, "verdict"), {"answer": "maybe"}, follow=True)
    assert "Answer with yes, no or unsure." in response.content.decode()
    assert not Verdict.objects.exists()


def test_yes_stays_since_copying_comes_next(ana, described, bare):
    response = ana.post(address(described, bare, "verdict"), {"answer": "yes"})
    assert response.url == address(described, bare)


def test_yes_leads_on_where_neither_has_anything_to_copy(ana, collection, bare):
    other, third = make_photo(collection), make_photo(collection)
    make_pair(bare, other, score=0.9)
    make_pair(bare, third, score=0.8)
    assert ana.post(address(bare, other, "verdict"), {"answer": "yes"}).url == address(bare, third)


def test_an_answer_is_kept_once_however_often_it_is_given(ana, described, bare):
    given = ({"answer": "yes", "note": "same tear"}, {"answer": "yes"}, {"answer": "yes", "note": "and stamp"})
    for answer in given:
        ana.post(address(described, bare, "verdict"), answer)
    assert [*Verdict.objects.values_list("note", flat=True).order_by("pk")] == ["same tear", "and stamp"]


def test_the_left_arrow_leads_back_to_the_pair_that_was_just_refused(ana, collection, described, bare):
    third = make_photo(collection)
    make_pair(described, bare, score=0.9)
    make_pair(bare, third, score=0.8)
    page = ana.post(address(described, bare, "verdict"), {"answer": "no"}, follow=True).content.decode()
    first_of_that_key = page[page.index('data-key="ArrowLeft"') :]
    assert first_of_that_key.startswith(f'data-key="ArrowLeft" href="{address(described, bare)}"')


def test_an_answer_that_was_taken_back_leaves_the_pair_to_others(ana, cataloguer, described, bare):
    make_pair(described, bare)
    bojan = make_cataloguer("bojan")
    assert count_open(described.collection, bojan) == 1
    record_verdict(described, bare, "no", cataloguer)
    assert count_open(described.collection, bojan) == 0
    record_verdict(described, bare, "unsure", cataloguer)
    assert count_open(described.collection, bojan) == 1
    assert count_open(described.collection, cataloguer) == 0


def test_no_leads_to_the_next_open_pair(ana, collection, described, bare):
    third = make_photo(collection)
    make_pair(described, bare, score=0.9)
    make_pair(bare, third, score=0.8)
    response = ana.post(address(described, bare, "verdict"), {"answer": "no"})
    assert response.url == address(bare, third)


def test_whoever_came_from_a_record_is_led_back_to_it(ana, described, bare):
    make_pair(described, bare)
    assert f"?back={bare.pk}" in ana.get(record_page(bare)).content.decode()
    answer = {"answer": "no", "back": bare.pk}
    assert ana.post(address(described, bare, "verdict"), answer).url == record_page(bare)


def test_the_queue_can_be_walked_in_both_directions(ana, collection, described, bare):
    third = make_photo(collection)
    pairs = [make_pair(described, bare, 0.9), make_pair(described, third, 0.8), make_pair(bare, third, 0.8)]
    place = ana.get(address(described, third)).context["place"]
    assert (place.position, place.total, place.open) == (2, 3, 3)
    assert [place.previous, place.next] == [pairs[0], pairs[2]]


def test_review_starts_with_the_likeliest_open_pair(ana, cataloguer, collection, described, bare):
    third = make_photo(collection)
    make_pair(described, bare, 0.9)
    make_pair(bare, third, 0.8)
    start = reverse("ndd:review", args=["album"])
    assert ana.get(start).url == address(described, bare)
    record_verdict(described, bare, "yes", cataloguer)
    assert ana.get(start).url == address(bare, third)
    record_verdict(bare, third, "no", cataloguer)
    assert "Nothing left to review" in ana.get(start).content.decode()
