"""Started twice, as `accelerate launch` does it: SimCLR on eight drawn photos; the first process writes what came out.

python two_processes.py WEIGHTS_FOLDER RESULT
"""

import sys
from pathlib import Path

import torch
from accelerate import PartialState
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ndd_app.vision.methods import simclr
from ndd_app.vision.training import Training
from tests.vision.lessons import losses_of
from tests.vision.networks import load_backbone
from tests.vision.test_simclr import PLAN, eight_photos

if __name__ == "__main__":
    torch.set_num_threads(1)
    learned = simclr.learn(
        eight_photos(), load_backbone("test_vit", Path(sys.argv[1])), seed=0, training=Training(PLAN)
    )
    if PartialState().is_main_process:
        weights = {name: value.contiguous() for name, value in learned.backbone.network.state_dict().items()}
        loss = torch.tensor(losses_of(learned.trained.curve))
        save_file(weights | {"loss": loss, "processes": torch.tensor(PartialState().num_processes)}, sys.argv[2])
