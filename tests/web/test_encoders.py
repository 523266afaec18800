from django.urls import reverse

from ndd_app.views.curves import HEIGHT, WIDTH, plot_loss, plot_retrieval, tabulate
from tests.factories import make_collection, make_encoder, make_job, make_photo
from tests.web.conftest import embed, page_of

NOTE = "The deep encoder does not serve. No weights were to be had."


def test_the_page_says_what_serves_each_collection(ana, collection):
    other = make_collection("plates")
    for each in (collection, other):
        make_photo(each)
    site, own = make_encoder(is_serving=True), make_encoder(collection, is_serving=True)
    services = ana.get(reverse("ndd:encoders")).context["services"]
    assert {s.collection: s.encoders["classical"] for s in services} == {collection: own, other: site}
    assert all(service.encoders["deep"] is None for service in services)


def test_a_collection_of_which_nothing_may_be_seen_is_not_named(ana, collection):
    make_encoder(collection, is_serving=True)
    assert collection.title not in ana.get(reverse("ndd:encoders")).content.decode()


def test_an_encoder_that_is_not_switched_on_serves_nobody(ana, collection):
    make_photo(collection)
    make_encoder(collection)
    [service] = ana.get(reverse("ndd:encoders")).context["services"]
    assert service.encoders["classical"] is None


def test_the_page_repeats_what_the_last_embedding_said(ana, collection):
    make_photo(collection)
    make_job(collection, "embed", state="done", result={"notes": ["An old note."]})
    make_job(collection, "embed", state="done", result={"embedded": {}, "notes": [NOTE]})
    make_job(collection, "embed", state="failed")
    page = ana.get(reverse("ndd:encoders")).content.decode()
    assert NOTE in page
    assert "An old note." not in page


def test_it_repeats_it_to_those_who_see_the_job_as_it_names_photos(ana, reader, boss, collection, bare):
    make_job(collection, "embed", state="done", result={"notes": [f"{bare.path}: it cannot be read."]})
    told = [bare.path in person.get(reverse("ndd:encoders")).content.decode() for person in (ana, boss, reader)]
    assert told == [True, True, False]


def test_the_embeddings_before_a_switch_have_nothing_to_say_of_what_lacks(ana, collection, bare):
    make_job(collection, "embed", state="done", result={"notes": [NOTE]})
    for parameters in ({"newest": True}, {"encoder": 1}):
        make_job(collection, "embed", state="done", parameters=parameters, result={"notes": []})
    assert NOTE in ana.get(reverse("ndd:encoders")).content.decode()


def test_what_is_true_of_several_collections_is_said_once(ana, collection):
    for each in (collection, make_collection("plates")):
        make_photo(each)
        make_job(each, "embed", state="done", result={"notes": [NOTE]})
    page = ana.get(reverse("ndd:encoders")).content.decode()
    assert page.count(NOTE) == 1
    assert "In 2 collections." in page


def test_the_page_says_which_encoders_have_seen_too_little_of_their_collection(ana, collection):
    _, own = (make_encoder(of, is_serving=True, photo_count=3) for of in (None, collection))
    for _ in range(4):
        make_photo(collection)
    [service] = ana.get(reverse("ndd:encoders")).context["services"]
    assert service.notes == []
    make_photo(collection)
    [service] = ana.get(reverse("ndd:encoders")).context["services"]
    [note] = service.notes
    assert note.startswith(f"There are 5 photos now, and these encoders were fitted on fewer: {own} (3).")
    assert f"adapt_collection {collection.slug}" in note


def test_an_encoder_tells_how_it_came_about(ana, collection):
    make_photo(collection)
    encoder = make_encoder(
        collection, parameters={"power": 0.25}, curve=[{"power": 0.5, "score": 0.83}], versions={"numpy": "2.4"},
        receipt={"decision": "kept the site encoder"}, notes="Fitted without labels.",
    )  # fmt: skip
    page = ana.get(encoder.get_absolute_url()).content.decode()
    for text in ("0.25", "0.83", "numpy 2.4", "8 photos", "kept the site encoder", "Fitted without labels."):
        assert text in page


def test_tables_of_what_was_chosen_are_for_the_encoders_own_page(ana, collection):
    make_photo(collection)
    encoder = make_encoder(collection, parameters={"power": 0.25, "agreement": {"0.0": 0.5603, "0.25": 0.5673}})
    assert "<td>power 0.25</td>" in ana.get(reverse("ndd:encoders")).content.decode()
    assert "<dd>0.0: 0.5603, 0.25: 0.5673</dd>" in ana.get(encoder.get_absolute_url()).content.decode()


def test_an_encoder_of_a_collection_of_which_nothing_may_be_seen_is_not_there(ana, collection):
    assert ana.get(make_encoder(collection).get_absolute_url()).status_code == 404


def test_photos_that_may_not_be_seen_are_not_counted(ana, settings, collection, described, bare):
    site = embed(make_encoder(is_serving=True), described, bare)
    make_encoder(collection, is_serving=True, photo_count=1)
    assert "<dt>Photos embedded</dt><dd>2" in page_of(ana, site)
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.conftest.OnlyDescribed"
    assert "<dt>Photos embedded</dt><dd>1" in page_of(ana, site)
    [service] = ana.get(reverse("ndd:encoders")).context["services"]
    assert service.notes == []


def test_a_training_is_plotted_from_its_highest_loss_to_its_lowest(ana, collection):
    make_photo(collection)
    curve = [{"step": step, "epoch": 1, "loss": loss, "lr": 1e-4} for step, loss in [(1, 4.0), (3, 2.0), (5, 2.5)]]
    plot = plot_loss(curve)
    assert plot.points == f"0.0,0.0 {WIDTH / 2:.1f},{HEIGHT:.1f} {WIDTH:.1f},{0.75 * HEIGHT:.1f}"
    assert (plot.first_step, plot.last_step, plot.highest, plot.lowest, plot.last) == (1, 5, 4, 2, 2.5)
    page = ana.get(make_encoder(collection, curve=curve).get_absolute_url()).content.decode()
    assert f'points="{plot.points}"' in page


def test_a_loss_that_stands_still_is_a_line(ana):
    assert plot_loss([{"step": step, "loss": 1.0} for step in (1, 2)]).points == f"0.0,0.0 {WIDTH:.1f},0.0"


MEASURED = [
    {"step": 0, "epoch": 0, "retrieval": 0.5},
    {"lr": 1 / 7500, "loss": 4.0, "step": 1, "epoch": 1},
    {"step": 2, "epoch": 1, "loss": 2.0, "lr": 1e-4},
    {"step": 2, "epoch": 1, "retrieval": 0.9},
    {"step": 4, "epoch": 2, "retrieval": 0.85},
]


def test_retrieval_is_plotted_from_nothing_to_everything_beside_the_loss(ana, collection):
    make_photo(collection)
    plot = plot_retrieval(MEASURED)
    half, tenth = HEIGHT / 2, HEIGHT / 10
    assert plot.points == f"0.0,{half:.1f} {WIDTH / 2:.1f},{tenth:.1f} {WIDTH:.1f},{1.5 * tenth:.1f}"
    assert (plot.lowest, plot.highest, plot.last, plot.best) == (0, 1, 0.85, 0.9)
    page = ana.get(make_encoder(collection, curve=MEASURED).get_absolute_url()).content.decode()
    assert all(f'points="{each.points}"' in page for each in (plot, plot_loss(MEASURED)))
    assert "85 % at the end, 90 % at best" in page
    assert "<span>100 %</span><span>0 %</span>" in page
    assert "Loss by step; 2.000 at the end" in page


def test_the_table_has_a_row_for_each_step(ana, collection):
    table = tabulate(MEASURED)
    assert table.names == ("step", "epoch", "loss", "retrieval", "lr")
    assert table.rows == [
        [0, 0, None, 0.5, None],
        [1, 1, 4.0, None, 0.0001333],
        [2, 1, 2.0, 0.9, 1e-4],
        [4, 2, None, 0.85, None],
    ]
    make_photo(collection)
    page = ana.get(make_encoder(collection, curve=MEASURED).get_absolute_url()).content.decode()
    assert "None" not in page.partition("<table>")[2]


def test_a_retrieval_that_was_measured_once_is_no_plot(ana, collection):
    assert plot_retrieval(MEASURED[:3]) is None
    assert plot_retrieval([]) is None
    make_photo(collection)
    page = ana.get(make_encoder(collection, curve=MEASURED[2:4]).get_absolute_url()).content.decode()
    assert "<polyline" not in page


def test_what_is_no_training_is_a_table_alone(ana, collection):
    assert plot_loss([{"power": 0.5, "score": 0.83}]) is None
    assert plot_loss([{"step": 1, "loss": 1.0}]) is None
    make_photo(collection)
    page = ana.get(make_encoder(collection, curve=[{"power": 0.5}]).get_absolute_url()).content.decode()
    assert "<polyline" not in page
