"""Exact neighbours against faiss, and the verification of pairs against OpenCV's own matcher, each side by side.

python -m benchmarks.matching_speed FOLDER: photos whose keypoints and deep features are used. Ends with 1 when a bar is
missed. faiss-cpu comes with requirements-dev.txt.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.figures import BACKBONE, DATA
from ndd_app.vision.backbones import load_backbone
from ndd_app.vision.classical import describe_keypoints
from ndd_app.vision.encoders import EMBEDDING_SIZE, unit_rows
from ndd_app.vision.geometry import RATIO, TOLERANCE, Scan
from ndd_app.vision.images import Pixels, decode, resize_to_fit
from ndd_app.vision.neighbours import nearest
from ndd_app.vision.verification import verify

PHOTOS = 41_039
TOP = 50
NOISE = 0.02
SCANS = 200
BAR_VERIFICATION = 2.0


def main(folder: Path) -> int:
    files = sorted(file for file in folder.iterdir() if file.suffix in {".jpg", ".webp"})
    pictures = [resize_to_fit(decode(file.read_bytes()).pixels, 1024) for file in files]
    ours, theirs, recall = compare_neighbours(real_like_embeddings(pictures))
    print(f"top {TOP} of {PHOTOS:,}: {ours:.1f} s, faiss IndexFlatIP {theirs:.1f} s; ratio {ours / theirs:.2f} (bar 1)")
    print(f"recall {recall:.5f} (bar 1)")
    verified, opencv = compare_verification(pictures[:SCANS])
    print(f"verification {verified * 1000:.2f} ms a pair, OpenCV {opencv * 1000:.2f} ms; ratio {verified / opencv:.2f}")
    return 0 if ours <= theirs and recall == 1 and verified <= BAR_VERIFICATION * opencv else 1


def real_like_embeddings(pictures: Sequence[Pixels]) -> np.ndarray:
    """(PHOTOS, EMBEDDING_SIZE): real ones, repeated with noise."""
    features = np.stack(load_backbone(BACKBONE, DATA / "weights").extract(pictures))[:, :EMBEDDING_SIZE]
    random = np.random.default_rng(0)
    rows = np.tile(features, (-(-PHOTOS // len(features)), 1))[:PHOTOS].astype(np.float32)
    return unit_rows(rows - rows.mean(axis=0) + NOISE * random.standard_normal(rows.shape, np.float32))


def compare_neighbours(embeddings: np.ndarray) -> tuple[float, float, float]:
    """Seconds of ours and of faiss; recall by similarity, since equals may stand in any order."""
    import faiss

    faiss.omp_set_num_threads(os.cpu_count() or 1)
    started = time.perf_counter()
    lists = nearest(embeddings, TOP)
    ours = time.perf_counter() - started
    started = time.perf_counter()
    index = faiss.IndexFlatIP(embeddings.shape[1])
    index.add(embeddings)
    similarity, found = index.search(embeddings, TOP + 1)
    theirs = time.perf_counter() - started
    similarity[found == np.arange(len(found))[:, None]] = -np.inf
    border = -np.sort(-similarity, axis=1)[:, TOP - 1]
    return ours, theirs, float((lists.scores >= border[:, None] - 1e-5).mean())


def compare_verification(pictures: Sequence[Pixels]) -> tuple[float, float]:
    """Seconds a pair of neighbouring files, in one thread, all pairs of five; the lower of two rounds."""
    cv2.setNumThreads(1)
    scans = [_scan(pixels) for pixels in pictures]
    pairs = [(a, b) for a in range(len(scans)) for b in range(a + 1, min(a + 6, len(scans)))]
    for scan in scans:
        scan.descriptors, scan.points  # noqa: B018 computed once per photo, for both
    ours = min(_seconds(lambda a, b: verify(scans[a], scans[b]), pairs) for _ in range(2))
    theirs = min(_seconds(lambda a, b: _opencv(scans[a], scans[b]), pairs) for _ in range(2))
    return ours / len(pairs), theirs / len(pairs)


def _opencv(first: Scan, second: Scan) -> object:
    """The usual way: the ratio test and a homography."""
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    there = matcher.knnMatch(first.descriptors, second.descriptors, k=2)
    good = [m for m, n in (pair for pair in there if len(pair) == 2) if m.distance < RATIO * n.distance]
    if len(good) < 4:
        return None
    here = np.array([first.points[m.queryIdx] for m in good])
    lies = np.array([second.points[m.trainIdx] for m in good])
    return cv2.findHomography(here, lies, cv2.USAC_MAGSAC, TOLERANCE, maxIters=2000, confidence=0.999)


def _scan(pixels: Pixels) -> Scan:
    grey = np.asarray(cv2.cvtColor(resize_to_fit(pixels, 320), cv2.COLOR_RGB2GRAY), np.uint8)
    return Scan(describe_keypoints(pixels), grey, pixels.shape[1], pixels.shape[0])


def _seconds(work: Callable[[int, int], object], pairs: Sequence[tuple[int, int]]) -> float:
    started = time.perf_counter()
    for pair in pairs:
        work(*pair)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
