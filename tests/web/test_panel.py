from django.urls import reverse

from ndd_app.pipeline.review import record_verdict
from tests.factories import make_cataloguer, make_pair, make_photo, record_page


def panel(client, photo) -> str:
    page = client.get(record_page(photo)).content.decode()
    return page[page.index('class="ndd duplicates"') : page.index("</section>")]


def test_a_partner_with_score_evidence_and_what_it_has_to_give(ana, described, bare):
    make_pair(described, bare, 0.91, detectors=("classical", "same pixels"))
    shown = panel(ana, bare)
    assert "Old bridge" in shown
    assert "<strong>91 %</strong> likely" in shown
    assert "classical encoder 0.91 · same pixels" in shown
    assert "has title, date and subjects that this record lacks" in shown
    assert reverse("ndd:compare", args=[bare.pk, described.pk]) in shown


def test_ranks_are_told_from_the_side_of_the_record(ana, described, bare):
    make_pair(described, bare)
    assert "Rank 1 here, 2 there" in panel(ana, described)
    assert "Rank 2 here, 1 there" in panel(ana, bare)


def test_who_is_not_among_the_nearest_has_no_rank(ana, described, bare):
    pair = make_pair(described, bare)
    pair.rank_of_first = None
    pair.save()
    assert "Rank 1 here, not among the nearest there" in panel(ana, described)
    assert "Rank 1 there, not among the nearest here" in panel(ana, bare)


def test_a_settled_no_is_folded_away(ana, cataloguer, described, bare):
    make_pair(described, bare)
    record_verdict(described, bare, "no", cataloguer)
    shown = panel(ana, bare)
    assert "None is left to look at." in shown
    assert "1 pair answered with no" in shown


def test_a_disputed_no_stays_in_view(ana, cataloguer, described, bare):
    make_pair(described, bare)
    record_verdict(described, bare, "no", cataloguer)
    record_verdict(described, bare, "yes", make_cataloguer("bojan"))
    shown = panel(ana, bare)
    assert "answered with no" not in shown
    assert "bojan" in shown


def test_less_likely_pairs_are_folded_away(ana, described, bare):
    make_pair(described, bare, 0.2)
    assert "1 less likely pair" in panel(ana, bare)


def test_many_partners_are_folded_behind_the_first_ten(ana, collection, bare):
    for _ in range(11):
        make_pair(bare, make_photo(collection))
    first, rest = panel(ana, bare).split("<summary>Show all 11</summary>")
    assert (first.count('class="partner"'), rest.count('class="partner"')) == (10, 1)


def test_a_yes_outlives_the_machine_s_guess(ana, cataloguer, described, bare):
    record_verdict(described, bare, "yes", cataloguer)
    shown = panel(ana, bare)
    assert "Old bridge" in shown
    assert "named by a person" in shown


def test_scans_of_the_same_record_are_no_duplicates(ana, collection):
    one, other = (make_photo(collection, record="R-1", seed=number) for number in (1, 2))
    make_pair(one, other)
    assert "None was found." in panel(ana, one)


def test_scans_that_were_put_on_one_record_since_are_counted_nowhere(ana, collection):
    one, other = (make_photo(collection, record="R-1", seed=number) for number in (1, 2))
    make_pair(one, other)
    assert 'class="badge"' not in ana.get(collection.get_absolute_url()).content.decode()
    assert "No possible duplicates are shown." in ana.get(reverse("ndd:groups", args=["album"])).content.decode()
    explained = ana.get(reverse("ndd:explain", args=[one.pk, other.pk])).content.decode()
    assert "No pair: both are scans of one record." in explained


def test_a_collection_that_was_not_searched_says_so(ana, collection, bare):
    collection.matched_at = None
    collection.save()
    assert "not searched for duplicates yet" in panel(ana, bare)
