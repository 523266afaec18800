from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from ndd_app.models import Job
from ndd_app.tasks import enqueue
from ndd_app.templatetags.ndd import time_left
from ndd_app.views.jobs import LATEST, chains_of
from tests.factories import make_job

pytestmark = pytest.mark.usefixtures("bare")  # who sees no photo of a collection sees none of its jobs
STEPS = [("adapt", {}), ("embed", {"newest": True}), ("match", {"newest": True})]


def test_chains_stand_together_in_their_order(collection):
    first = enqueue(collection, STEPS)
    second = enqueue(collection, STEPS[:1])
    assert chains_of(Job.objects.all()) == [second, first]


def test_the_page_shows_progress_and_what_waits_for_what(ana, collection):
    adapt, *_ = enqueue(collection, STEPS)
    progress = {"step": "Extracting features", "done": 30, "total": 40}
    now = timezone.now()
    times = {"started_at": now - timedelta(seconds=75), "heartbeat_at": now}
    Job.objects.filter(pk=adapt.pk).update(state="running", **times, **progress)
    page = ana.get(reverse("ndd:live_jobs")).content.decode()
    assert '<progress value="30" max="40"' in page
    assert "Extracting features: 30 / 40" in page
    assert "1 min 15 s" in page
    assert f"for job {adapt.pk}" in page
    assert 'data-seconds="2"' in page


def test_running_and_failed_jobs_stay_on_the_page_however_many_wait(ana, collection):
    running, failed = make_job(collection, state="running", step="Reading scans"), make_job(collection, state="failed")
    for _ in range(LATEST + 1):
        make_job(collection, state="waiting")
    page = ana.get(reverse("ndd:live_jobs")).content.decode()
    assert running.get_absolute_url() in page
    assert failed.get_absolute_url() in page


def test_every_page_that_shows_progress_says_how_long_it_still_takes(ana, collection):
    job = Job.begin(collection, "embed", {})
    pages = [reverse("ndd:live_jobs"), job.get_absolute_url(), reverse("ndd:running_jobs", args=["album"])]
    job.report("Extracting features", 1, 40)
    assert not any(" left" in ana.get(page).content.decode() for page in pages)
    job.report("Extracting features", 30, 40, seconds_left=250.0)
    assert all("about 4 minutes left" in ana.get(page).content.decode() for page in pages)


def test_bars_are_drawn_where_numbers_are_written_with_separators(settings, ana, collection):
    settings.USE_THOUSAND_SEPARATOR = True
    job = make_job(collection, state="running", done=1234, total=5678)
    for page in (reverse("ndd:live_jobs"), job.get_absolute_url(), reverse("ndd:running_jobs", args=["album"])):
        assert '<progress value="1234" max="5678"' in ana.get(page).content.decode()
    assert "1,234 / 5,678" in ana.get(reverse("ndd:live_jobs")).content.decode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a minute left"),
        (44, "less than a minute left"),
        (45, "about 1 minute left"),
        (588, "about 10 minutes left"),
        (1600, "about 25 minutes left"),
        (90 * 60, "about 90 minutes left"),
        (100 * 60, "about 2 hours left"),
        (36 * 3600, "about 36 hours left"),
        (40 * 3600, "about 2 days left"),
    ],
)
def test_what_is_left_is_told_no_finer_than_it_is_known(seconds, words):
    assert time_left(seconds) == words


def test_the_pages_say_that_no_worker_takes_a_job_and_how_to_start_one(ana, collection):
    first, *_ = enqueue(collection, STEPS)
    pages = [reverse("ndd:live_jobs"), first.get_absolute_url()]
    assert not any("No worker" in ana.get(page).content.decode() for page in pages)
    Job.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(minutes=12))
    for page in pages:
        text = ana.get(page).content.decode()
        assert "No worker has taken a job for 12 min" in text
        assert "<code>celery -A archive_site worker --pool solo</code>" in text


def test_the_page_with_nothing_to_do_says_so(ana, collection):
    make_job(collection, state="done")
    page = ana.get(reverse("ndd:jobs")).content.decode()
    assert "No job that you may see is running or waiting." in page
    assert 'data-seconds="10"' in page


def test_the_page_states_nothing_of_jobs_that_somebody_may_not_see(reader, collection):
    make_job(collection, state="running")
    page = reader.get(reverse("ndd:jobs")).content.decode()
    assert "No job that you may see is running or waiting." in page
    assert "shown to those who may edit its photos" in page


def test_a_failed_job_shows_why_and_can_be_tried_again(ana, boss, collection):
    job = make_job(collection, state="failed", error="The disk is full. Make room.")
    again = reverse("ndd:retry", args=[job.pk])
    page = ana.get(reverse("ndd:jobs")).content.decode()
    assert "The disk is full. Make room." in page
    assert again not in page
    assert again in boss.get(reverse("ndd:jobs")).content.decode()


def test_trying_again_brings_back_what_was_to_follow(boss, collection):
    first = enqueue(collection, STEPS)[0]
    assert first.take()
    first.fail("Out of memory.")
    page = boss.post(reverse("ndd:retry", args=[first.pk]), follow=True).content.decode()
    assert "in the queue again" in page
    assert set(Job.objects.values_list("state", flat=True)) == {"waiting"}


def test_a_waiting_job_can_be_cancelled_by_those_who_start_jobs(ana, boss, collection):
    first = enqueue(collection, STEPS)[0]
    address = reverse("ndd:cancel", args=[first.pk])
    assert address not in ana.get(reverse("ndd:jobs")).content.decode()
    assert ana.post(address).status_code == 403
    assert address in boss.get(reverse("ndd:jobs")).content.decode()
    assert "with it what was to follow" in boss.post(address, follow=True).content.decode()
    assert set(Job.objects.values_list("state", flat=True)) == {"cancelled"}
    assert "no worker has begun" in boss.post(address, follow=True).content.decode()


def test_a_job_that_did_not_fail_is_not_tried_again(boss, collection):
    job = make_job(collection, state="done")
    page = boss.post(reverse("ndd:retry", args=[job.pk]), follow=True).content.decode()
    assert "Only a failed job can be tried again." in page


def test_the_page_of_an_ingest_lists_problems_and_copies(ana, collection):
    problem = {"file": "a.jpg", "reason": "The file is empty (0 bytes).", "advice": "Copy it again."}
    result = {"added": 7, "problems": [problem], "exact_copies": [["b.jpg", "c.jpg"]]}
    job = make_job(collection, "ingest", state="done", result=result, parameters={"filename": "novak.zip"})
    page = ana.get(job.get_absolute_url()).content.decode()
    for text in ("novak.zip", "a.jpg", "The file is empty", "Copy it again.", "b.jpg", "<dd>7</dd>"):
        assert text in page
    assert "data-live" not in page


def test_the_facts_of_a_job_are_told_in_words_and_nothing_of_what_is_off_or_empty(ana, collection):
    told = {"newest": True, "copy_masters": False, "method": None, "groups": "", "steps": 3}
    result = {"known": 0, "expected_false": 1.23456, "encoders": ["a #1", "b #2"], "receipts": []}
    job = make_job(collection, state="running", parameters=told, result=result, worker="mill:12275")
    page = ana.get(job.get_absolute_url())
    assert page.context["facts"] == [
        ("With the newest encoders", "yes"),
        ("Training ends after so many steps", "3"),
        ("Photos known already", "0"),
        ("Encoders", "a #1, b #2"),
        ("Shown pairs expected to be no duplicates", "1.2"),
    ]
    text = page.content.decode()
    assert "process 12275 on mill" in text
    assert "Started" not in text
    assert "–" not in text


def test_the_list_leads_to_the_problems_and_notes_of_a_job_that_is_done(ana, collection):
    problem = {"file": "a.jpg", "reason": "The file is empty (0 bytes).", "advice": "Copy it again."}
    ingest = make_job(collection, "ingest", state="done", result={"problems": [problem] * 4, "notes": []})
    embed = make_job(collection, "embed", state="done", result={"notes": ["The deep encoder does not serve."]})
    page = ana.get(reverse("ndd:jobs")).content.decode()
    assert f'href="{ingest.get_absolute_url()}#problems">4 problems<' in page
    assert f'href="{embed.get_absolute_url()}#notes">1 note<' in page
    assert (page.count("#problems"), page.count("#notes")) == (1, 1)
    assert 'id="problems"' in ana.get(ingest.get_absolute_url()).content.decode()
    assert 'id="notes"' in ana.get(embed.get_absolute_url()).content.decode()


def test_the_page_of_a_job_follows_it_while_it_runs(ana, collection):
    job = make_job(collection, state="running")
    assert f'data-live="{job.get_absolute_url()}"' in ana.get(job.get_absolute_url()).content.decode()


def test_the_line_of_a_collection_says_when_its_jobs_are_finished(ana, collection):
    job = make_job(collection, state="running", step="Matching")
    address = reverse("ndd:running_jobs", args=["album"])
    assert "Matching" in ana.get(address).content.decode()
    Job.objects.filter(pk=job.pk).update(state="done")
    assert "finished" in ana.get(address).content.decode()
