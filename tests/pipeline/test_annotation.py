"""What trainings are told of what people say, and of what is near certain."""

import pytest

from ndd_app.pipeline.annotation import known_photos, lessons, lessons_of_file
from ndd_app.pipeline.review import record_verdict
from tests.factories import make_cataloguer, make_collection, make_photo

pytestmark = pytest.mark.django_db


def test_a_fifth_of_the_confirmed_groups_is_told_to_no_training():
    album, ana = make_collection("album"), make_cataloguer()
    pairs = [[make_photo(album), make_photo(album)] for _ in range(10)]
    for one, other in pairs[:9]:
        record_verdict(one, other, "yes", ana)
    every = [photo for pair in pairs for photo in pair]
    assert told(every) == 16
    assert lessons(every) == lessons(every)
    record_verdict(*pairs[9], "yes", ana)
    assert told(every) == 16
    assert told(every[:8]) == 8


def test_the_groups_of_a_file_stand_beside_what_people_have_rejected(tmp_path):
    album, ana = make_collection("album"), make_cataloguer()
    one, other, third, fourth = every = [make_photo(album, f"{n}.jpg") for n in range(4)]
    file = tmp_path / "groups.csv"
    file.write_text("file,group\n0.jpg,a\n1.jpg,a\n2.jpg,b\n")
    for first, second in ((one, other), (one, third), (third, fourth)):
        record_verdict(first, second, "no", ana)
    told = lessons_of_file(file, every[:3], every)
    assert told.groups == ["a", "a", "b"]
    assert told.rejected == [(0, 2)]
    assert known_photos(album, file) == {one.pk, other.pk, third.pk}
    assert known_photos(album, None) == {photo.pk for photo in every}


def told(photos) -> int:
    return sum(group is not None for group in lessons(photos).groups)


def test_rejected_pairs_are_told_unless_a_photo_of_theirs_is_of_a_group_that_is_kept_for_judging():
    album, ana = make_collection("album"), make_cataloguer()
    pairs = [[make_photo(album), make_photo(album)] for _ in range(5)]
    for one, other in pairs:
        record_verdict(one, other, "yes", ana)
    every = [photo for pair in pairs for photo in pair]
    kept = next(n for n, group in enumerate(lessons(every).groups) if group is None)
    first, second, *_ = (n for n, group in enumerate(lessons(every).groups) if group is not None and n % 2)
    record_verdict(every[first], every[second], "no", ana)
    record_verdict(every[first], every[kept], "no", ana)
    assert lessons(every).rejected == [(first, second)]
    assert lessons(every[::-1]).rejected == [(9 - first, 9 - second)]
    assert lessons(every[second:]).rejected == []  # the photos that a fitting looks at are not always all


def test_near_certain_pairs_are_told_but_for_groups_that_are_kept_for_judging():
    album, ana = make_collection("album"), make_cataloguer()
    pairs = [[make_photo(album), make_photo(album)] for _ in range(5)]
    for one, other in pairs:
        record_verdict(one, other, "yes", ana)
    others = [make_photo(album) for _ in range(40)]
    every = [*(photo for pair in pairs for photo in pair), *others]
    kept = lessons(every).groups.index(None)
    silver = [(every[n].pk, others[n].pk) for n in range(0, 10, 2)]  # each confirmed group has a third scan …
    silver += [(others[n].pk, others[n + 1].pk) for n in range(10, 40, 2)]  # … and the rest are known to nobody
    groups = lessons(every, silver).groups
    assert [groups[n] is None for n in range(10)] == [n // 2 == kept // 2 for n in range(10)]
    for n in range(0, 10, 2):
        assert groups[10 + n] == groups[n]
    halves = [(groups[10 + n], groups[11 + n]) for n in range(10, 40, 2)]
    assert all(one == other for one, other in halves)
    assert 0 < sum(one is None for one, _ in halves) < len(halves)


def test_near_certain_pairs_that_join_a_rejected_pair_through_a_third_photo_are_not_told():
    album, ana = make_collection("album"), make_cataloguer()
    one, other, third, fourth = every = [make_photo(album) for _ in range(4)]
    record_verdict(one, fourth, "yes", ana)
    silver = [(one.pk, third.pk), (third.pk, other.pk)]
    assert len({*lessons(every, silver).groups}) == 1
    record_verdict(one, other, "no", ana)
    by_people = lessons(every, silver).groups
    assert by_people[0] == by_people[3] is not None
    assert by_people[1:3] == [None, None]
