"""The main job, as a person does it: real web process, worker, database and browser."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import Site, new_site, wait_until
from tests.pictures import cropped, draw_photo, faded, jpeg, rotated

SCENES = 12


@pytest.fixture
def browser() -> Iterator:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """Two scenes in three scans each, among single ones."""
    scenes = [draw_photo(seed, 480, 360) for seed in range(SCENES)]
    with zipfile.ZipFile(tmp_path / "box.zip", "w") as archive:
        for number, pixels in enumerate(scenes):
            archive.writestr(f"{number:02}.jpg", jpeg(pixels))
        for number in (0, 1):
            archive.writestr(f"{number:02}_rescan.jpg", jpeg(rotated(faded(scenes[number]), 2)))
            archive.writestr(f"{number:02}_crop.jpg", jpeg(cropped(scenes[number], 0.85)))
    return tmp_path / "box.zip"


def test_from_an_upload_to_a_copied_description(browser, upload: Path, tmp_path: Path) -> None:
    with new_site(tmp_path / "site", DJANGO_SUPERUSER_PASSWORD="secret") as site:
        site.manage("createsuperuser", "--noinput", "--username", "ana", "--email", "ana@example.org")
        with site.web() as (address, web), site.worker():
            page = browser.new_page(base_url=address, viewport={"width": 1280, "height": 900})
            log_in(page)
            upload_in_the_admin(page, upload)
            watch_the_jobs(page, site)
            assert not [*site.folder.glob("data/files/uploads/*")]  # all of its scans are kept one by one
            describe(page, site, "00.jpg", title="Old bridge", date="1912?", place="Mostar")
            say_no_to_one_pair(page, site)
            copy_two_fields_and_undo_one(page, site)
            assert_no_torch_in(web.pid)


def log_in(page) -> None:
    page.goto("/admin/")
    page.fill("#id_username", "ana")
    page.fill("#id_password", "secret")
    page.press("#id_password", "Enter")
    page.wait_for_url("**/admin/")


def upload_in_the_admin(page, upload: Path) -> None:
    page.goto("/admin/ndd_app/collection/add/")
    page.fill("#id_title", "Box 1")
    page.fill("#id_slug", "box-1")
    page.click("[name=_save]")
    page.check("input[name=_selected_action]")
    page.select_option("select[name=action]", "upload_zip")
    page.click("button[name=index]")
    page.set_input_files("input[type=file]", upload)
    page.click("form:has(input[type=file]) [type=submit]")
    page.wait_for_load_state()


def watch_the_jobs(page, site: Site) -> None:
    page.goto("/duplicates/jobs/")
    page.get_by_text("Ingest").first.wait_for()
    site.wait_for_jobs()
    page.get_by_text("No job that you may see is running").wait_for(timeout=20_000)  # the page says so by itself


def describe(page, site: Site, path: str, **fields: str) -> None:
    page.goto(f"/records/{photo_id(site, path)}/edit/")
    for name, value in fields.items():
        page.fill(f"#id_{name}", value)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/records/*/")
    assert page.get_by_text("Mostar").is_visible()


def say_no_to_one_pair(page, site: Site) -> None:
    open_comparison(page, site, "01.jpg", "01_crop.jpg")
    page.get_by_label("Note").fill("another bridge")
    page.keyboard.press("Enter")  # is no answer
    page.locator("h2").first.click()
    with page.expect_navigation():  # to the next open pair
        page.keyboard.press("n")
    wait_until(lambda: answers(site) == ["no"], 10, "the verdict")


def copy_two_fields_and_undo_one(page, site: Site) -> None:
    open_comparison(page, site, "00_rescan.jpg", "00.jpg")
    assert_fits_into(page, width=400)
    page.get_by_role("link", name="Copy to the left").click()
    place = page.get_by_role("group", name="Place").get_by_label("Leave absent")
    assert_in_view(page, place, width=390)
    place.check()
    page.get_by_role("button", name="Copy 2 fields").click()
    page.wait_for_load_state()
    assert description(site, "00_rescan.jpg") == {"title": "Old bridge", "date": "1912?", "place": ""}
    assert answers(site) == ["no", "yes"]
    page.goto("/duplicates/copies/")
    undo = page.get_by_role("button", name="Undo the copy of Date")
    assert_in_view(page, undo, width=390)
    undo.click()
    page.get_by_text("undone by ana").wait_for()
    assert description(site, "00_rescan.jpg") == {"title": "Old bridge", "date": "", "place": ""}


def assert_fits_into(page, width: int) -> None:
    """Only what scrolls by itself may be wider."""
    size = page.viewport_size
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size(size)


def assert_in_view(page, control, width: int) -> None:
    """Nobody has to find out that a table scrolls sideways."""
    size = page.viewport_size
    page.set_viewport_size({"width": width, "height": 800})
    box = control.bounding_box()
    assert box["x"] + box["width"] <= width
    page.set_viewport_size(size)


def open_comparison(page, site: Site, path: str, other: str) -> None:
    """By way of the record page and its panel, as a person finds it."""
    page.goto(f"/records/{photo_id(site, path)}/")
    panel = page.locator("section.duplicates")
    panel.get_by_role("link", name=f"Compare with {shown_title(site, other)}").click()
    page.get_by_role("heading", name="Why these two?").wait_for()


def shown_title(site: Site, path: str) -> str:
    return site.rows("select title from ndd_app_photo where path = %s", path)[0]["title"] or path


def photo_id(site: Site, path: str) -> int:
    return site.rows("select id from ndd_app_photo where path = %s", path)[0]["id"]


def description(site: Site, path: str) -> dict[str, str]:
    return site.rows("select title, date, place from ndd_app_photo where path = %s", path)[0]


def answers(site: Site) -> list[str]:
    return [row["answer"] for row in site.rows("select answer from ndd_app_verdict order by id")]


def assert_no_torch_in(pid: int) -> None:
    """The files that the running web process has mapped."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    assert "psycopg" in maps, "these are not the maps of the web process"
    assert not [library for library in ("torch", "cv2", "timm", "torchvision") if f"/{library}/" in maps]
