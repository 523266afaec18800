"""Started twice, as `accelerate launch` does it: a method on eight photos; the first process writes what came out.

python two_processes.py METHOD WEIGHTS_FOLDER RESULT
"""

import sys
from pathlib import Path

import torch
from accelerate import PartialState
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.vision.lessons import losses_of
from tests.vision.networks import load_backbone
from tests.vision.test_two_processes import learn

if __name__ == "__main__":
    torch.set_num_threads(1)
    method, folder, result = sys.argv[1:]
    learned = learn(method, load_backbone("test_vit", Path(folder)))
    if PartialState().is_main_process:
        tensors = {name: value.contiguous() for name, value in learned.backbone.network.state_dict().items()}
        tensors["loss"] = torch.tensor(losses_of(learned.trained.curve))
        tensors["processes"] = torch.tensor(PartialState().num_processes)
        save_file(tensors, result)
    torch.distributed.destroy_process_group()
