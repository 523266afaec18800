"""Files in an S3 bucket by settings alone, against a real HTTP server that speaks S3."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config

from tests.acceptance.site import Site, free_port, new_site, wait_until, write_photos
from tests.pictures import draw_photo, jpeg, zip_of

ACCOUNT = {"AWS_ACCESS_KEY_ID": "archive", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
SCAN = jpeg(draw_photo(1))


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    log = tmp_path_factory.mktemp("s3") / "log"
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            wait_until(lambda: "Running on" in log.read_text(), 60, "the S3 server to listen", log.read_text)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def bucket(s3: str):
    keys = {"aws_access_key_id": "archive", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    resource = boto3.resource("s3", endpoint_url=s3, **keys, config=Config(s3={"addressing_style": "path"}))
    return resource.create_bucket(Bucket="scans")


@pytest.fixture(scope="module")
def site(s3: str, bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = {"NDD_S3_BUCKET": "scans", "NDD_S3_ENDPOINT_URL": s3}
    with new_site(tmp_path_factory.mktemp("site"), **settings, **ACCOUNT) as site:
        yield site


@pytest.fixture(scope="module")
def photo(site: Site) -> dict:
    source = site.folder / "scans.zip"
    source.write_bytes(zip_of({"a.jpg": SCAN, "cut short.jpg": SCAN[:900]}))
    report = site.manage("ingest_collection", "box", source)
    assert "1 photo added" in report.stdout
    assert "cut short.jpg" in report.stderr
    [photo] = site.rows("select * from ndd_app_photo")
    return photo


def stored(bucket, name: str) -> bytes:
    return bucket.Object(name).get()["Body"].read()


def test_all_files_of_a_photo_lie_in_the_bucket(site: Site, bucket, photo: dict):
    assert stored(bucket, photo["master_file"]) == SCAN
    assert stored(bucket, photo["working_copy"]).startswith(b"\xff\xd8")
    assert stored(bucket, photo["thumbnail"]).startswith(b"\xff\xd8")
    assert not (site.folder / "data" / "files").exists()


def test_the_pages_serve_them_from_there(site: Site, bucket, photo: dict):
    site.rows("update ndd_app_collection set is_public = true returning id")
    with site.web() as (address, _):
        for view, name in [("master", "master_file"), ("scan", "working_copy"), ("thumbnail", "thumbnail")]:
            with urllib.request.urlopen(f"{address}/duplicates/photos/{photo['id']}/{view}/") as answer:
                assert answer.read() == stored(bucket, photo[name])


def test_read_again_nothing_is_stored_twice(site: Site, bucket, photo: dict):
    before = {object.key for object in bucket.objects.all()}
    folder = write_photos(site.folder / "folder", {"a.jpg": SCAN})
    assert "0 photos added, 1 known" in site.manage("ingest_collection", "box", folder, "--copy").stdout
    assert {object.key for object in bucket.objects.all()} == before


def test_a_bucket_that_is_not_there_is_one_line_for_each_file(site: Site, photo: dict):
    folder = write_photos(site.folder / "other", {"b.jpg": jpeg(draw_photo(2))})
    wrong = Site(site.folder, {**site.environment, "NDD_S3_BUCKET": "no-such-bucket"})
    report = wrong.manage("ingest_collection", "box", folder, check=False).stderr
    assert "b.jpg: The stored file" in report
    assert "NoSuchBucket" in report
