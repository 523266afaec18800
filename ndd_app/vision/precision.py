"""Whether numbers of 16 bits pay on this machine."""

from collections.abc import Mapping
from typing import Any

import torch


def computes_bfloat16(device: torch.device) -> bool:
    """True where bfloat16 is faster than float32: without the instructions, a CPU only imitates it, slowly."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16"))
