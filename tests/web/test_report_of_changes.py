"""What an encoder would change, as its page tells."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from ndd_app.pipeline.limits import MOST_CHANGES
from ndd_app.pipeline.review import record_verdict
from ndd_app.views.changes import PICTURED
from tests.factories import make_cataloguer
from tests.web.conftest import page_of


@pytest.fixture
def report(own, site, described, bare):
    """One pair would be new."""
    return write_report(own, site, gained=[[described.pk, bare.pk]])


def write_report(encoder, against, written_at=None, **pairs):
    """Of an album in which nobody has answered yet."""
    lists = {"gained": [], "lost": [], "missed": []} | pairs
    then = {"matched_at": encoder.collection.matched_at.isoformat(), "last_answer": None}
    report = {"against": against.pk, "written_at": (written_at or timezone.now()).isoformat(), **then, **lists}
    encoder.receipt |= {"changes": report}
    encoder.save()
    return report


def test_the_report_counts_in_words_and_leads_to_the_pairs(reader, own, report, site, described, bare):
    page = page_of(reader, own)
    for text in ("1 pair would be new", "No pair would go", "It finds every pair that people have confirmed"):
        assert text in page
    assert f'href="{reverse("ndd:compare", args=[described.pk, bare.pk])}"' in page
    assert f'against <a href="{site.get_absolute_url()}">{site}</a>' in page
    assert "Outdated" not in page


def test_only_the_first_pairs_are_pictured(reader, own, site, described, bare):
    pair = [described.pk, bare.pk]
    write_report(own, site, lost=[pair] * (PICTURED + 3), missed=[pair] * 2)
    page = page_of(reader, own)
    assert f"{PICTURED + 3} pairs would go" in page
    assert "3 more" in page
    assert "2 confirmed pairs it would not find by itself" in page
    assert page.count('loading="lazy"') == 2 * (PICTURED + 2)


def test_a_list_that_was_cut_says_so(reader, own, site, described, bare):
    write_report(own, site, gained=[[described.pk, bare.pk]] * MOST_CHANGES)
    assert f"{MOST_CHANGES} or more pairs would be new" in page_of(reader, own)


def test_pairs_that_may_not_be_seen_are_neither_shown_nor_counted(reader, own, report, described, bare, settings):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.conftest.OnlyDescribed"
    page = page_of(reader, own)
    assert "No pair would be new" in page
    assert reverse("ndd:compare", args=[described.pk, bare.pk]) not in page


def test_when_another_encoder_serves_or_the_photos_were_matched_again_it_is_outdated(boss, own, report, collection):
    collection.matched_at = timezone.now()
    collection.save()
    page = page_of(boss, own)
    assert "Outdated" in page
    assert "Write it anew" in page
    write_report(own, own)
    assert "Outdated" in page_of(boss, own)


def test_when_people_have_answered_since_it_is_outdated(boss, own, report, described, bare):
    assert "Outdated" not in page_of(boss, own)
    record_verdict(described, bare, "yes", make_cataloguer("bojan"))
    assert "Outdated" in page_of(boss, own)


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_worker_whose_clock_is_wrong_makes_no_report_outdated_nor_fresh(boss, own, site, described, bare, hours):
    write_report(own, site, timezone.now() + timedelta(hours=hours))
    assert "Outdated" not in page_of(boss, own)
    record_verdict(described, bare, "yes", make_cataloguer("bojan"))
    assert "Outdated" in page_of(boss, own)


def test_of_what_serves_by_now_it_tells_the_past(boss, own, report):
    own.is_serving = True
    own.save()
    page = page_of(boss, own)
    assert "What was to change when it began to serve" in page
    assert "Outdated" not in page


def test_a_report_from_before_anything_served_names_no_other(boss, own, report):
    own.receipt["changes"] |= {"against": None}
    own.save()
    assert "against" not in page_of(boss, own)
