"""The extra [vision]: what looks at photos needs it, and the web hosts go without."""

from importlib.util import find_spec

from ndd_app.exceptions import VisionMissing

MODULES = (
    "accelerate",
    "cv2",
    "huggingface_hub",
    "numpy",
    "PIL",
    "safetensors",
    "scipy",
    "sklearn",
    "threadpoolctl",
    "timm",
    "torch",
    "torchvision",
    "tqdm",
)
"""What the extra installs, by the names under which it is imported."""


def require_vision() -> None:
    """Raises VisionMissing. The modules are looked for and not loaded, which takes torch seconds."""
    missing = [name for name in MODULES if find_spec(name) is None]
    if missing:
        raise VisionMissing(modules=", ".join(missing))
