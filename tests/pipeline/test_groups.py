import pytest
from django.utils import timezone

from ndd_app.models import Verdict
from ndd_app.pipeline.groups import cluster, groups_of, with_photos
from ndd_app.pipeline.review import record_verdict
from tests.factories import make_cataloguer, make_collection, make_pair, make_photo, make_user


def clusters(*pairs: tuple[int, int, float]) -> list[list[int]]:
    weight = {frozenset((one, other)): chance for one, other, chance in pairs}
    return sorted(sorted(members) for members in cluster(weight, weight))


def test_a_chain_is_no_group():
    chain = [(number, number + 1, 0.9 + number / 100) for number in range(1, 6)]
    assert all(len(members) <= 3 for members in clusters(*chain))


def test_half_of_the_others_is_enough_and_less_is_not():
    four = [(1, 2, 0.99), (1, 3, 0.98), (1, 4, 0.97)]
    assert clusters(*four, (2, 5, 0.96), (3, 5, 0.95)) == [[1, 2, 3, 4, 5]]
    assert [1, 2, 3, 4] in clusters(*four, (2, 5, 0.96))


def test_a_star_around_a_medoid_and_a_full_group_hold_together():
    assert clusters(*((1, number, 0.9) for number in range(2, 7))) == [[1, 2, 3, 4, 5, 6]]
    assert clusters((1, 2, 0.9), (2, 3, 0.9), (1, 3, 0.9)) == [[1, 2, 3]]


def test_one_false_link_does_not_join_two_groups():
    left = [(1, 2, 0.99), (2, 3, 0.99), (1, 3, 0.99)]
    right = [(11, 12, 0.99), (12, 13, 0.99), (11, 13, 0.99)]
    assert clusters(*left, *right, (3, 11, 0.91)) == [[1, 2, 3], [11, 12, 13]]


def test_two_that_people_have_told_apart_are_in_no_group_together():
    links = {frozenset((one, other)): chance for one, other, chance in ((1, 2, 0.9), (2, 3, 0.8), (3, 4, 0.7))}
    assert cluster(links, links, {frozenset((1, 3))}) == [{1, 2}, {3, 4}]


@pytest.fixture
def people_and_photos(db):
    album = make_collection(show_from=0.5, matched_at=timezone.now())
    return make_cataloguer(), [make_photo(album) for _ in range(5)]


def test_the_best_described_record_represents_and_the_weakest_link_is_shown(people_and_photos):
    ana, photos = people_and_photos
    photos[2].title, photos[2].place = "Bridge", "Mostar"
    photos[2].save()
    for one, other, chance in ((0, 1, 0.9), (1, 2, 0.95), (0, 2, 0.8), (3, 4, 0.7)):
        make_pair(photos[one], photos[other], chance)
    first, second = with_photos(groups_of(photos[0].collection, ana))
    assert first.representative == photos[2]
    assert {photo.pk for photo in first.photos} == {photo.pk for photo in photos[:3]}
    assert first.chance == 0.8
    assert len(second.photos) == 2


def test_a_refused_pair_groups_nothing(people_and_photos):
    ana, photos = people_and_photos
    make_pair(photos[0], photos[1], 0.9)
    record_verdict(photos[0], photos[1], "no", ana)
    assert groups_of(photos[0].collection, ana) == []


def test_a_photo_that_is_like_two_others_joins_no_two_that_people_have_told_apart(people_and_photos):
    ana, photos = people_and_photos
    for one, other, chance in ((0, 1, 0.99), (0, 2, 0.9), (1, 2, 0.8)):
        make_pair(photos[one], photos[other], chance)
    record_verdict(photos[0], photos[1], "no", ana)
    [group] = with_photos(groups_of(photos[0].collection, ana))
    assert {*group.photos} == {photos[0], photos[2]}


def test_a_pair_that_people_confirmed_is_in_a_group_however_unlikely_and_is_no_weak_link(people_and_photos):
    ana, photos = people_and_photos
    for one, other, chance in ((0, 1, 0.3), (0, 2, 0.9), (3, 4, 0.3)):
        make_pair(photos[one], photos[other], chance)
    record_verdict(photos[0], photos[1], "yes", ana)
    [group] = with_photos(groups_of(photos[0].collection, ana))
    assert {*group.photos} == {*photos[:3]}
    assert (group.chance, group.is_confirmed) == (0.9, False)
    record_verdict(photos[3], photos[4], "yes", ana)
    assert [group.is_confirmed for group in groups_of(photos[0].collection, ana)] == [False, True]


def test_the_page_of_groups(client, people_and_photos):
    ana, photos = people_and_photos
    make_pair(photos[0], photos[1], 0.9)
    make_pair(photos[1], photos[2], 0.8)
    make_pair(photos[0], photos[2], 0.7)
    address = "/duplicates/groups/album/"
    assert client.get(address).status_code == 302  # to the login
    client.force_login(ana)
    page = client.get(address).content.decode()
    assert "Weakest link: 70 %" in page
    assert page.count("representative") == 1
    record_verdict(photos[0], photos[2], "yes", ana)
    assert "Weakest link: 80 %" in client.get(address).content.decode()
    for pair in ((0, 1), (1, 2)):
        record_verdict(*(photos[number] for number in pair), "yes", ana)
    assert "Compare: answered with yes" in client.get(address).content.decode()


def test_a_whole_group_is_confirmed_at_once_and_nothing_beside_it(client, people_and_photos):
    ana, photos = people_and_photos
    for one, other, chance in ((0, 1, 0.9), (1, 2, 0.8), (3, 4, 0.7)):
        make_pair(photos[one], photos[other], chance)
    record_verdict(photos[0], photos[1], "yes", ana)
    client.force_login(ana)
    page = client.get("/duplicates/groups/album/").content.decode()
    assert page.count("Yes, all of these are duplicates") == page.count("Yes, duplicates") == 1
    members = {"member": [photo.pk for photo in photos[:3]]}
    page = client.post("/duplicates/groups/album/confirm/", members, follow=True).content.decode()
    assert "1 pair answered with yes." in page
    assert page.count("Compare: answered with yes") == 1
    assert Verdict.objects.count() == 2
    page = client.post("/duplicates/groups/album/confirm/", members, follow=True).content.decode()
    assert '<li class="warning" role="status">0 pairs answered with yes.' in page


def test_a_group_without_a_pair_to_answer_has_no_button(client, people_and_photos):
    ana, photos = people_and_photos
    for one, other in ((0, 1), (2, 3)):
        make_pair(photos[one], photos[other], 0.9)
    record_verdict(photos[0], photos[1], "unsure", ana)
    record_verdict(photos[2], photos[3], "no", ana)
    record_verdict(photos[2], photos[3], "yes", make_cataloguer("bojan"))
    client.force_login(ana)
    page = client.get("/duplicates/groups/album/").content.decode()
    assert page.count("Compare: 90 %") == 2
    assert "Yes, duplicates" not in page


def test_groups_are_shown_while_a_matching_ends_and_photos_go(people_and_photos):
    ana, photos = people_and_photos
    pairs = [make_pair(photos[0], photos[1], 0.9), make_pair(photos[2], photos[3], 0.8)]
    groups = groups_of(photos[0].collection, ana)
    for pair in pairs:
        pair.delete()  # a matching replaces all of them
    photos[2].delete()
    [group] = with_photos(groups)
    assert {*group.weakest} == {photos[0], photos[1]}


def test_who_may_only_read_confirms_no_group(client, people_and_photos):
    _, photos = people_and_photos
    make_pair(photos[0], photos[1], 0.9)
    client.force_login(make_user())
    assert "Yes, duplicates" not in client.get("/duplicates/groups/album/").content.decode()
    client.post("/duplicates/groups/album/confirm/", {"member": [photo.pk for photo in photos]})
    assert not Verdict.objects.exists()
