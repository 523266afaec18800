"""A receipt on the page of its encoder."""

import re

import numpy as np
import pytest
from django.urls import reverse

from ndd_app.description import DublinCoreAdapter
from ndd_app.views import receipts as views
from ndd_app.views.receipts import SCALE, read_receipt
from ndd_app.vision import receipt as vision
from ndd_app.vision import rescans
from ndd_app.vision.tripwires import find_tripwires
from tests.factories import make_encoder, make_photo
from tests.web.receipts import ROLES, WIRES, example, figures_of, stored_receipt

pytestmark = pytest.mark.usefixtures("bare")  # who sees no photo of a collection sees none of its encoders


class OnlyDescribed(DublinCoreAdapter):
    """A host where photos without a title may not be seen."""

    def visible(self, user, photos):
        return super().visible(user, photos).exclude(title="")


def page_of(client, collection, receipt, **values) -> str:
    encoder = make_encoder(collection, family="deep", receipt=receipt, **values)
    return client.get(encoder.get_absolute_url()).content.decode()


def test_the_decision_and_its_reasons_come_first(ana, collection):
    present = make_encoder(is_serving=True, family="deep", method="whiten")
    page = page_of(ana, collection, stored_receipt(present=present.pk))
    headings = re.findall(r"<h2[^>]*>(.+?)</h2>", page)
    assert headings[0] == "Adopt: it finds more on this collection, and loses nothing."
    assert "<li>Gain: rescans +0.020.</li>" in page
    assert f'against <a href="{present.get_absolute_url()}">{present}</a>' in page
    assert 'class="decision adopt"' in page


def test_every_role_has_its_bars_for_both_kinds_of_questions(ana, collection):
    page = page_of(ana, collection, stored_receipt())
    for role in ROLES:
        assert page.count(f'<tr class="{role}">') == 3  # rescans, pairs, damages
        assert f"the {role} #7" in page
    assert page.count('class="first" width="90.00"') == 2
    assert page.count('class="among" width="95.00"') == 2 * len(ROLES)
    assert "90 %" in page
    assert "200 photos were worn" in page
    assert "the numbers in brackets say how far chance alone could have moved it" in page
    assert "98.1 % of all queries" in page


def test_gains_stand_beside_the_line_of_no_gain():
    sure, unsure = (kind.gain for kind in read_receipt(stored_receipt(), None).kinds)
    assert (sure.words, unsure.words) == ("better", "no clear difference")
    assert (sure.mean, sure.lower, unsure.lower) == ("+0.020", "+0.010", "−0.010")
    assert 0 <= unsure.at_lower < sure.at_zero < sure.at_lower < sure.at_mean < sure.at_upper <= SCALE
    assert unsure.at_zero == sure.at_zero


def test_a_loss_is_called_worse():
    gain = {"mean": -0.02, "lower": -0.03, "upper": -0.01}
    assert read_receipt(stored_receipt(gains={"rescans": gain}), None).kinds[0].gain.words == "worse"


def test_each_damage_is_a_column_and_what_was_not_asked_is_none():
    lacks = figures_of("challenger", 0.9)
    del lacks["damages"]["dust"]
    damages = read_receipt(stored_receipt(figures=[lacks, figures_of("present", 0.5)]), None).damages
    assert damages.names == ["a fold", "dust"]
    assert [shares for _, shares in damages.rows] == [[0.9, None], [0.5, 0.25]]


def test_tripwires_are_told_in_words(ana, collection):
    receipt = stored_receipt()
    receipt["tripwires"][0] |= {"value": 31.4, "tripped": True}
    page = page_of(ana, collection, receipt)
    assert "hardly tells the photos apart: it spreads them over too few directions (31 of at least 48)." in page
    assert "No photo turns up beside too many others (skewness 0.2, of at most 1.4)." in page
    assert "keep 56 % of their ten nearest" in page
    assert page.count('<li class="tripped">') == 1


def test_what_receipts_of_today_hold_has_words():
    assert {*views.DAMAGES} == {*rescans.DAMAGES}
    rows = np.eye(12, dtype=np.float32)
    assert {wire.name for wire in find_tripwires(rows, rows)} == {*WIRES}
    assert views.RECALL_AT == vision.RECALL_AT


def test_pairs_that_were_too_few_have_no_gain(ana, collection):
    gains = {"rescans": stored_receipt()["gains"]["rescans"]}
    assert "Too few to judge a gain by." in page_of(ana, collection, stored_receipt(gains=gains))


def test_without_a_receipt_there_is_no_section(ana, collection):
    page = page_of(ana, collection, {})
    assert "<section" not in page
    assert "What it finds" not in page


def test_what_only_the_switch_has_noted_is_no_receipt(ana, collection):
    assert "<section" not in page_of(ana, collection, {"replaced": 1, "set_aside": True})


def test_a_decision_alone_is_words_alone(ana, collection):
    page = page_of(ana, collection, {"decision": "adopt", "words": ["No receipt is needed: it is whitened."]})
    assert "No receipt is needed: it is whitened." in page
    assert page.count("<section") == 1
    for title in ("What it finds", "By damage", "Did it go wrong", "Queries that", "Judged without labels"):
        assert title not in page


def test_an_old_receipt_shows_its_decision(ana, collection):
    page = page_of(ana, collection, {"decision": "kept the site encoder", "gain": 0.3})
    assert "kept the site encoder" in page


@pytest.fixture
def photos(collection):
    return [make_photo(collection, title=title) for title in ("Bridge", "Ferry", "Bridge again")]


def test_they_show_the_query_and_the_first_answer_before_and_after(ana, collection, photos):
    bridge, ferry, again = photos
    better = [example(bridge, ferry, again, fold=0.9, dust=0.7)]
    page = page_of(ana, collection, stored_receipt(better=better, worse=[example(again, bridge, ferry, (1, 3))]))
    assert "Queries that got better" in page
    assert "worn by a fold and dust" in page
    assert "the right one at place 14" in page
    assert "the right one at place 3" in page
    assert reverse("ndd:compare", args=[bridge.pk, ferry.pk]) in page
    assert reverse("ndd:thumbnail", args=[again.pk]) in page


def test_a_photo_that_finds_itself_leads_to_its_record(ana, collection, photos):
    bridge, ferry, _ = photos
    page = page_of(ana, collection, stored_receipt(better=[example(bridge, ferry, bridge, grain=0.8)]))
    assert reverse("ndd:compare", args=[bridge.pk, bridge.pk]) not in page
    assert page.count(f'href="{reverse("record", args=[bridge.pk])}"') == 2


def test_one_with_a_photo_that_may_not_be_seen_is_left_out(ana, collection, photos, settings):
    bridge, ferry, again = photos
    hidden = make_photo(collection)
    better = [example(bridge, ferry, again), example(bridge, hidden, again), example(hidden, ferry, bridge)]
    receipt = stored_receipt(better=better, worse=[example(bridge, again, hidden, (1, 3))])
    assert page_of(ana, collection, receipt).count("<figure>") == 12
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.test_receipts.OnlyDescribed"
    page = page_of(ana, collection, receipt)
    assert page.count("<figure>") == 3
    assert "Queries that got worse" not in page
    assert f"/photos/{hidden.pk}/" not in page
    assert reverse("ndd:compare", args=[bridge.pk, hidden.pk]) not in page


def test_one_with_a_photo_that_is_gone_is_left_out(ana, collection, photos):
    bridge, ferry, again = photos
    receipt = stored_receipt(better=[example(bridge, ferry, again)])
    ferry.delete()
    assert "Queries that got better" not in page_of(ana, collection, receipt)


def test_the_admin_shows_no_receipt(boss, collection, bare):
    encoder = make_encoder(collection, receipt=stored_receipt(about="the digest of what was judged"))
    page = boss.get(reverse("admin:ndd_app_encoder_change", args=[encoder.pk])).content.decode()
    assert "the digest of what was judged" not in page
