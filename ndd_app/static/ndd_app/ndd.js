// The pages work without this file. It keeps running jobs up to date, makes the preview of a copy follow the
// choice, blends two scans, and lets the keyboard answer. Loaded as a module: twice on a page is once.

async function fetchElement(id, address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(response.statusText);
  return new DOMParser().parseFromString(await response.text(), "text/html").getElementById(id);
}

// --- jobs: an element with data-live is fetched again every data-seconds, as long as it asks for it -------------

function keepFresh(element) {
  if (!element.dataset.live) return;
  setTimeout(async () => {
    const isInUse = document.hidden || element.contains(document.activeElement);
    // The server may be away for a moment; somebody who was logged out meanwhile gets no element.
    const fresh = isInUse ? element : await fetchElement(element.id, element.dataset.live).catch(() => element);
    if (!fresh) return;
    element.replaceWith(fresh);
    keepFresh(fresh);
  }, 1000 * element.dataset.seconds);
}

document.querySelectorAll("[data-live]").forEach(keepFresh);

// --- copying: the preview follows the choice; until it is there, nothing can be copied --------------------------

document.querySelectorAll("form[data-preview]").forEach((form) => {
  let latest = 0;
  form.addEventListener("change", async () => {
    const turn = ++latest;
    const preview = document.getElementById(form.dataset.preview);
    preview.querySelectorAll("button").forEach((button) => (button.disabled = true));
    const address = `?${new URLSearchParams(new FormData(form))}`;
    const fresh = await fetchElement(preview.id, address).catch(() => null);
    if (turn !== latest) return;
    // Signed out meanwhile, or the server is away: the page itself says so, and keeps the choice.
    if (!fresh) return location.assign(address);
    document.getElementById(preview.id).replaceWith(fresh);
    history.replaceState(null, "", address);
  });
});

// --- one scan laid on the other: the slider says how much of the upper one shows ---------------------------------

document.querySelectorAll(".overlay [type=range]").forEach((slider) => {
  const follow = () => slider.closest(".overlay").style.setProperty("--opacity", slider.value);
  slider.addEventListener("input", follow);
  follow();
});

// --- keys: an element with data-key is pressed by that key, unless somebody is writing; arrows move sliders first --

const WRITTEN_IN = "textarea, select, input:not([type=radio], [type=range])";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest(WRITTEN_IN)) return;
  if (event.target.matches("input") && event.key.startsWith("Arrow")) return;
  const pressed = [...document.querySelectorAll("[data-key]")].find(
    (element) => element.dataset.key.toLowerCase() === event.key.toLowerCase(),
  );
  if (pressed) {
    event.preventDefault();
    pressed.click();
  }
});
