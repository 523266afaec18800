"""What would change, switching an encoder on, and going back: by whom, when, and what the page says of it."""

import pytest
from django.urls import reverse

from ndd_app.models import Job
from ndd_app.pipeline.encoders import fit_encoder
from ndd_app.pipeline.jobs import perform
from ndd_app.pipeline.review import record_verdict
from ndd_app.pipeline.serving import note
from tests.factories import make_collection, make_encoder, make_job, make_photo, make_user
from tests.web.conftest import ADOPT, embed, logged_in, page_of

ACTIONS = ("preview_encoder", "serve_encoder", "step_back")


@pytest.fixture
def answered(described, bare, cataloguer):
    return record_verdict(described, bare, "yes", cataloguer)


def press(client, action: str, encoder):
    return client.post(reverse(f"ndd:{action}", args=[encoder.pk]), follow=True)


def buttons(page: str, encoder) -> set[str]:
    return {action for action in ACTIONS if f'action="{reverse(f"ndd:{action}", args=[encoder.pk])}"' in page}


def steps() -> list[tuple[str, dict]]:
    return [(job.kind, job.parameters) for job in Job.objects.order_by("pk")]


# --- who ------------------------------------------------------------------------------------------------------------


def test_who_may_not_change_collections_sees_no_button(ana, reader, own):
    for client in (ana, reader):
        assert buttons(page_of(client, own), own) == set()


@pytest.mark.parametrize("action", [*ACTIONS, "delete_embeddings"])
def test_who_may_not_change_collections_can_do_nothing(ana, client, own, action):
    assert press(ana, action, own).status_code == 403
    assert press(client, action, own).redirect_chain[0][0].startswith("/login/")
    assert not Job.objects.exists()


@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_is_done_to_what_may_not_be_seen_nor_to_the_sites_encoders(boss, own, site, action, settings):
    assert press(boss, action, site).status_code == 404
    make_photo(other := make_collection("other"))
    hidden = make_encoder(other)
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.conftest.OnlyDescribed"
    assert press(boss, action, hidden).status_code == 404
    assert not Job.objects.exists()


@pytest.mark.parametrize("action", [*ACTIONS, "delete_embeddings"])
def test_a_link_does_nothing(boss, own, action):
    assert boss.get(reverse(f"ndd:{action}", args=[own.pk])).status_code == 405


def test_the_permission_to_change_collections_is_enough(own):
    client = logged_in(make_user("vida", "ndd_app.change_collection"))
    assert press(client, "serve_encoder", own).status_code == 200
    assert Job.objects.count() == 1


# --- what -----------------------------------------------------------------------------------------------------------


def test_a_ready_encoder_is_previewed_or_switched_on(boss, own):
    assert buttons(page_of(boss, own), own) == {"preview_encoder", "serve_encoder"}
    response = press(boss, "preview_encoder", own)
    assert steps() == [("match", {"preview": own.pk})]
    assert response.redirect_chain[-1][0] == Job.objects.get().get_absolute_url()
    assert "It only reports what would change" in response.content.decode()


def test_switched_on_it_serves_and_one_click_leads_back(boss, site, collection, described, bare):
    own = fit_encoder("vlad", [described, bare], collection)
    note(embed(own, described, bare), **ADOPT)
    site.weights, site.weights_checksum = own.weights, own.weights_checksum  # both are loaded before they serve
    site.save()
    press(boss, "serve_encoder", own)
    do_the_jobs()
    own.refresh_from_db()
    assert own.is_serving
    page = page_of(boss, own)
    assert buttons(page, own) == {"step_back"}
    assert f"Back to {site}" in page
    press(boss, "step_back", own)
    assert steps()[-1] == ("match", {"encoder": site.pk})
    do_the_jobs()
    own.refresh_from_db()
    assert not own.is_serving
    assert own.embeddings.count() == 2
    assert "A person has switched it off." in page_of(boss, own)


def do_the_jobs() -> None:
    while job := Job.objects.claimable().first():
        assert job.take()
        perform(job)
        job.refresh_from_db()
        assert job.state == "done", job.error


def test_back_leads_to_the_encoder_that_served_before(boss, own, site, collection, described, bare):
    newer = embed(make_encoder(collection, is_serving=True, receipt={"replaced": own.pk}), described, bare)
    assert f"Back to {own}" in page_of(boss, newer)
    press(boss, "step_back", newer)
    assert steps() == [("match", {"encoder": own.pk})]


def test_what_served_before_embeds_the_photos_that_came_since(boss, own, collection, described, bare):
    newer = make_encoder(collection, is_serving=True, receipt={"replaced": own.pk})
    embed(newer, described, bare, make_photo(collection))
    press(boss, "step_back", newer)
    assert steps() == [("embed", {"encoder": own.pk}), ("match", {"encoder": own.pk})]


def test_a_site_encoder_that_was_refitted_is_not_what_one_goes_back_to(boss, own, site, collection):
    old = make_encoder()
    own.receipt |= {"replaced": old.pk}
    own.is_serving = True
    own.save()
    assert f"Back to {site}" in page_of(boss, own)


def test_without_its_embeddings_it_cannot_serve_but_asks_for_them(boss, own, collection):
    bare_encoder = make_encoder(collection, receipt=ADOPT)
    assert buttons(page_of(boss, bare_encoder), bare_encoder) == {"preview_encoder"}
    assert "it has not embedded all photos" in press(boss, "serve_encoder", bare_encoder).content.decode()
    assert not Job.objects.exists()
    press(boss, "preview_encoder", bare_encoder)
    assert steps() == [("embed", {"encoder": bare_encoder.pk}), ("match", {"preview": bare_encoder.pk})]


def test_what_serves_is_not_switched_on_again_and_what_does_not_is_not_left(boss, own):
    assert "It does not serve" in press(boss, "step_back", own).content.decode()
    own.is_serving = True
    own.save()
    assert "It serves already." in press(boss, "serve_encoder", own).content.decode()
    assert not Job.objects.exists()


def test_the_sites_encoders_have_no_buttons(boss, site):
    assert buttons(page_of(boss, site), site) == set()


def test_embeddings_stay_until_somebody_deletes_them_and_come_back_when_asked_for(boss, own, site, ana):
    assert 'name="csrfmiddlewaretoken"' not in page_of(ana, own).split("How it came about")[1]
    assert "Delete 2 embeddings" in page_of(boss, own)
    assert "2 embeddings deleted." in press(boss, "delete_embeddings", own).content.decode()
    assert (own.embeddings.count(), site.embeddings.count()) == (0, 2)
    assert buttons(page_of(boss, own), own) == {"preview_encoder"}
    assert "Delete these embeddings" not in page_of(boss, own)


def test_a_site_encoder_that_was_replaced_can_lose_its_embeddings(boss, site, described):
    old = embed(make_encoder(), described)
    press(boss, "delete_embeddings", old)
    assert (old.embeddings.count(), site.embeddings.count()) == (0, 2)


def test_embeddings_that_are_needed_cannot_be_deleted(boss, own, site, collection, ana):
    assert "Delete these embeddings" not in page_of(boss, site)
    assert "Nothing was deleted." in press(boss, "delete_embeddings", site).content.decode()
    assert press(ana, "delete_embeddings", own).status_code == 403
    make_job(collection, state="waiting")
    assert "Nothing was deleted." in press(boss, "delete_embeddings", own).content.decode()
    assert (own.embeddings.count(), site.embeddings.count()) == (2, 2)


@pytest.mark.parametrize("action", ["preview_encoder", "serve_encoder"])
def test_while_a_job_of_the_collection_is_not_finished_no_other_is_begun(boss, own, collection, action):
    running = make_job(collection, state="running")
    page = page_of(boss, own)
    assert buttons(page, own) == set()
    assert running.get_absolute_url() in page
    response = press(boss, action, own)
    assert response.redirect_chain[-1][0] == running.get_absolute_url()
    assert "is not finished yet" in response.content.decode()
    assert Job.objects.count() == 1


def test_a_finished_preview_leads_to_its_report(boss, own):
    press(boss, "preview_encoder", own)
    do_the_jobs()
    page = boss.get(Job.objects.get().get_absolute_url()).content.decode()
    assert f'href="{own.get_absolute_url()}#changes"' in page
    assert "What would change if it served" in page_of(boss, own)


# --- what waits -----------------------------------------------------------------------------------------------------


def test_an_encoder_that_waits_for_a_person_can_be_found(boss, own, answered, collection):
    admin = reverse("admin:ndd_app_collection_change", args=[collection.pk])
    for address in (reverse("ndd:encoders"), admin):
        page = boss.get(address).content.decode()
        assert "waits for a person to let it serve" in page
        assert own.get_absolute_url() in page
    assert "It waits for a person" in page_of(boss, own)


def test_to_who_sees_no_photo_of_the_collection_no_encoder_is_named(boss, own, answered, described, settings):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.conftest.OnlyDescribed"
    admin = reverse("admin:ndd_app_collection_change", args=[own.collection.pk])
    assert "waits for a person" in boss.get(admin).content.decode()
    described.title = ""
    described.save()
    for address in (reverse("ndd:encoders"), admin):
        assert "waits for a person" not in boss.get(address).content.decode()


def test_a_refused_newer_one_does_not_hide_it_and_a_newer_one_that_serves_does(boss, own, answered, collection):
    newer = make_encoder(collection, receipt={"decision": "keep", "words": ["Keep."]})
    assert "It waits for a person" in page_of(boss, own)
    newer.is_serving = True
    newer.save()
    assert "It waits for a person" not in page_of(boss, own)


@pytest.mark.parametrize("receipt", [{}, {"decision": "keep"}, ADOPT | {"set_aside": True}])
def test_what_is_not_better_or_was_set_aside_waits_for_nobody(boss, own, answered, receipt):
    own.receipt = receipt
    own.save()
    assert "waits for a person" not in boss.get(reverse("ndd:encoders")).content.decode()
    assert "waits for a person" not in page_of(boss, own)


def test_while_nobody_has_answered_nothing_waits(boss, own):
    assert "waits for a person" not in boss.get(reverse("ndd:encoders")).content.decode()


def test_the_page_of_the_switch_names_what_waits(boss, own, collection):
    job = make_job(collection, "match", state="done", result={"waiting": {str(own): own.get_absolute_url()}})
    page = boss.get(job.get_absolute_url()).content.decode()
    assert f'<a href="{own.get_absolute_url()}">{own}</a> waits for a person' in page


def test_embeddings_that_a_job_elsewhere_may_need_or_that_are_hidden_stay(boss, site, described, settings):
    make_photo(other := make_collection("other"))
    old, hidden = embed(make_encoder(), described), embed(make_encoder(other), described)
    make_job(make_collection("third"), state="running")
    press(boss, "delete_embeddings", old)
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.conftest.OnlyDescribed"
    assert press(boss, "delete_embeddings", hidden).status_code == 404
    assert (old.embeddings.count(), hidden.embeddings.count()) == (1, 1)
