"""Whether an error says that the memory does not suffice: torch, its CPU allocator, numpy and OpenCV each say it so."""

import cv2

WORDS = ("out of memory", "not enough memory", "DefaultCPUAllocator", "bad_alloc", "ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, cv2.error):
        return error.code == cv2.Error.STS_NO_MEM
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in WORDS)
    )
