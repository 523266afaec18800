from hashlib import sha256
from pathlib import Path

import pytest
from django.urls import reverse

from ndd_app.models import Photo
from ndd_app.storage import read_bytes
from tests.factories import make_photo


def body(response) -> bytes:
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("name", ["thumbnail", "working_copy"])
def test_pictures_come_from_the_storage_for_this_browser_only(ana, bare, name):
    response = ana.get(reverse(f"ndd:{name}", args=[bare.pk]))
    assert body(response) == read_bytes(getattr(bare, name).name)
    assert response["Content-Type"] == "image/jpeg"
    assert "private" in response["Cache-Control"]


@pytest.mark.parametrize("name", ["thumbnail", "working_copy", "master"])
def test_what_the_browser_has_is_not_sent_again(ana, bare, name):
    address = reverse(f"ndd:{name}", args=[bare.pk])
    first = ana.get(address)
    body(first)
    again = ana.get(address, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_the_master_keeps_its_name_and_bytes(ana, collection):
    photo = make_photo(collection, "box 3/Kočevje – most.jpg")
    response = ana.get(reverse("ndd:master", args=[photo.pk]))
    assert sha256(body(response)).hexdigest() == photo.checksum
    assert "attachment; filename*=utf-8''Ko%C4%8Devje%20%E2%80%93%20most.jpg" in response["Content-Disposition"]


def test_a_referenced_master_is_read_where_it_lies(ana, bare, tmp_path: Path):
    (tmp_path / "scan.tif").write_bytes(b"the master")
    Photo.objects.filter(pk=bare.pk).update(master_file="", master_reference=str(tmp_path / "scan.tif"))
    assert body(ana.get(reverse("ndd:master", args=[bare.pk]))) == b"the master"


@pytest.mark.parametrize("name", ["thumbnail", "working_copy", "master"])
def test_a_missing_file_is_told_and_not_remembered(ana, bare, name):
    Photo.objects.filter(pk=bare.pk).update(thumbnail="x", working_copy="x", master_file="", master_reference="/x/y")
    response = ana.get(reverse(f"ndd:{name}", args=[bare.pk]))
    assert response.status_code == 503
    assert "Check the" in response.content.decode()
    assert response["Cache-Control"] == "no-store"
