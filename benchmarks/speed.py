"""How much longer ingest, embedding and matching take than the bare forward pass of the deep backbone alone.

One process, the same frames, side by side: python -m benchmarks.speed FOLDER
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="ndd-speed-"))
BATCH = 64
BAR = 4.0


def main(source: Path) -> int:
    os.environ.update(NDD_DATA_DIR=str(FOLDER), DATABASE_URL="", CELERY_BROKER_URL="memory://localhost/")
    os.environ.setdefault("NDD_BACKBONE", "deit_tiny_patch16_224")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "archive_site.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    try:
        forward = min(seconds(lambda: bare_forward(source)) for _ in range(2))
        stages = life(source)
    finally:
        call_command("stop_database")
        shutil.rmtree(FOLDER)
    whole = sum(stages.values())
    print(f"bare forward {forward:.1f} s; " + ", ".join(f"{stage} {s:.1f} s" for stage, s in stages.items()))
    print(f"{whole / forward:.2f} times the bare forward (bar {BAR})")
    return 0 if whole <= BAR * forward else 1


def bare_forward(source: Path) -> None:
    """Decode, resize, normalise, forward: what anybody would write with timm, at full precision."""
    import timm
    import torch
    from PIL import Image
    from safetensors.torch import load_file

    name = os.environ["NDD_BACKBONE"]
    model = timm.create_model(name, num_classes=0).eval()
    model.load_state_dict(load_file(Path(os.environ["NDD_WEIGHTS_DIR"]) / f"{name}.safetensors"), strict=False)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    files = sorted(file for file in source.iterdir() if file.suffix == ".jpg")
    with torch.inference_mode():
        for start in range(0, len(files), BATCH):
            images = [transform(Image.open(file).convert("RGB")) for file in files[start : start + BATCH]]
            model(torch.stack(images))


def life(source: Path) -> dict[str, float]:
    """Seconds of each stage, the fitting of both site encoders included."""
    from ndd_app.models import Collection
    from ndd_app.pipeline.embedding import embed_collection
    from ndd_app.pipeline.ingest import ingest_source
    from ndd_app.pipeline.matching import find_duplicates
    from ndd_app.pipeline.sources import open_source

    collection = Collection.objects.create(slug="speed", title="Speed")
    return {
        "ingest": seconds(lambda: ingest_source(collection, open_source(source))),
        "embed": seconds(lambda: embed_collection(collection)),
        "match": seconds(lambda: find_duplicates(collection)),
    }


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
