import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ndd_app.exceptions import CheckpointFailed, OutOfMemory, TrainingDiverged
from ndd_app.vision import training as training_module
from ndd_app.vision.checkpoints import load_checkpoint, save_checkpoint
from ndd_app.vision.plans import PAPER, Plan, make_optimiser
from ndd_app.vision.standing import thin_curve
from ndd_app.vision.training import Trained, Training, train
from tests.disks import room_for
from tests.vision.lessons import PHOTOS, PLAN, Brightness, lesson, retrieval_of


@pytest.fixture(autouse=True)
def checkpoints_at_every_step(monkeypatch):
    monkeypatch.setattr(training_module, "CHECKPOINT_SECONDS", -1.0)


class Killed(Exception):
    pass


def killed_after(steps: int):
    def track(items, step, total=None):
        for done, item in enumerate(items):
            if done == steps:
                raise Killed
            yield item

    return track


def run(objective: Brightness, plan: Plan = PLAN, seed: int = 1, **how) -> Trained:
    return train(lesson(objective), Training(plan, **how), seed)


def weights(objective: Brightness) -> dict[str, Tensor]:
    return objective.network.state_dict()


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("plan", [PLAN, replace(PAPER, batch=4, epochs=8, rate=1e-3)], ids=["ours", "paper"])
def test_the_loss_falls(tmp_path, plan):
    curve = run(Brightness(tmp_path), plan).curve
    assert [set(point) for point in curve[:1]] == [{"step", "epoch", "loss", "lr"}]
    assert len(curve) == plan.epochs * PHOTOS // 4
    assert curve[-1]["loss"] < 0.7 * curve[0]["loss"]


def test_steps_cut_a_run_short_without_changing_it(tmp_path):
    whole, short = run(Brightness(tmp_path)), run(Brightness(tmp_path), replace(PLAN, steps=3))
    assert short.curve == whole.curve[:3]


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
@pytest.mark.parametrize("plan", [PLAN, replace(PAPER, batch=4, epochs=6)], ids=["ours", "paper"])
def test_a_run_that_was_killed_goes_on_to_the_same_weights(tmp_path, name, plan):
    (whole, killed, resumed) = (Brightness(tmp_path, name) for _ in range(3))
    uninterrupted = run(whole, plan)
    with pytest.raises(Killed):
        run(killed, plan, folder=tmp_path / "run", track=killed_after(5))
    went_on = run(resumed, plan, folder=tmp_path / "run")
    assert went_on == uninterrupted
    assert equal(weights(whole), weights(resumed))
    assert not equal(weights(whole), weights(killed))


def test_a_finished_run_is_not_run_again(tmp_path):
    done = run(Brightness(tmp_path), folder=tmp_path / "run")
    again = Brightness(tmp_path)
    assert run(again, folder=tmp_path / "run", track=killed_after(0)) == done


def test_the_checkpoint_of_another_run_is_not_used(tmp_path):
    run(Brightness(tmp_path), replace(PLAN, steps=2), folder=tmp_path / "run")
    other = run(Brightness(tmp_path), replace(PLAN, steps=2), seed=2, folder=tmp_path / "run")
    assert "another training" in other.notes[0]
    assert other.curve == run(Brightness(tmp_path), replace(PLAN, steps=2), seed=2).curve


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    one, same, other = (Brightness(tmp_path) for _ in range(3))
    for objective, seed in ((one, 1), (same, 1), (other, 2)):
        run(objective, replace(PLAN, steps=2), seed)
    assert equal(weights(one), weights(same))
    assert not equal(weights(one), weights(other))


def test_training_leaves_the_random_numbers_of_others_alone(tmp_path):
    objective = Brightness(tmp_path)
    before = torch.random.get_rng_state()
    run(objective, replace(PLAN, steps=1))
    assert torch.equal(torch.random.get_rng_state(), before)


def measured(objective: Brightness, plan: Plan = PLAN, **how) -> Trained:
    """With a retrieval that tells whose weights it was asked about."""
    asked = lesson(objective, lambda network: round(float(network.state_dict()["norm.bias"].sum()), 6))
    return train(asked, Training(plan, **how), 1)


def test_retrieval_is_measured_before_the_first_epoch_and_after_each(tmp_path):
    objective = Brightness(tmp_path)
    done = measured(objective, replace(PLAN, epochs=2))
    assert retrieval_of(done.curve) == [(0, 0), (2, 1), (4, 2)]
    assert [point for point in done.curve if "loss" in point] == run(
        Brightness(tmp_path), replace(PLAN, epochs=2)
    ).curve


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_retrieval_is_that_of_the_weights_that_count_in_the_end(tmp_path, average):
    objective = Brightness(tmp_path)
    done = measured(objective, replace(PLAN, average=average))
    assert done.curve[-1]["retrieval"] == round(float(weights(objective)["norm.bias"].sum()), 6)
    assert done.curve[-1]["retrieval"] != done.curve[0]["retrieval"]


@pytest.mark.parametrize(
    ("steps", "measured_at"), [(1, [(1, 1)]), (2, [(0, 0), (2, 1)]), (3, [(0, 0), (2, 1), (3, 2)])]
)
def test_a_run_that_is_cut_short_is_measured_at_its_end(tmp_path, steps, measured_at):
    assert retrieval_of(measured(Brightness(tmp_path), replace(PLAN, steps=steps)).curve) == measured_at


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_run_that_goes_on_measures_what_it_would_have(tmp_path, steps):
    with pytest.raises(Killed):
        measured(Brightness(tmp_path), folder=tmp_path / "run", track=killed_after(steps))
    assert measured(Brightness(tmp_path), folder=tmp_path / "run") == measured(Brightness(tmp_path))


def test_what_cannot_be_measured_leaves_no_point(tmp_path):
    nothing = train(lesson(Brightness(tmp_path), lambda network: None), Training(PLAN), 1)
    assert nothing == run(Brightness(tmp_path))


class Exploding(Brightness):
    def forward(self, views: Tensor, numbers: Tensor) -> Tensor:
        return super().forward(views, numbers) * torch.tensor(float("inf"))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    with pytest.raises(TrainingDiverged, match=r"step 1: its loss is inf.*before that step \(--steps\)"):
        run(Exploding(tmp_path))


class Greedy(Brightness):
    """Wants a petabyte as soon as a batch has more photos than `most`."""

    most = 2

    def forward(self, views: Tensor, numbers: Tensor) -> Tensor:
        if len(views) > self.most:
            torch.empty(2**50)
        return super().forward(views, numbers)


def test_out_of_memory_halves_the_batch_and_says_so(tmp_path):
    done = run(Greedy(tmp_path), replace(PLAN, batch=8, epochs=2))
    assert [point["epoch"] for point in done.curve] == [1] * 4 + [2] * 4
    assert [note.partition(" at once")[0] for note in done.notes] == [
        f"The memory did not suffice for {batch} photos" for batch in (8, 4)
    ]


def test_a_batch_of_two_that_does_not_fit_is_an_error(tmp_path):
    greedy = Greedy(tmp_path)
    greedy.most = 1
    with pytest.raises(OutOfMemory, match="2 photos at once, and fewer"):
        run(greedy)


def test_a_full_disk_is_a_clear_error_and_the_last_whole_checkpoint_stays(tmp_path):
    folder = tmp_path / "run"
    run(Brightness(tmp_path), replace(PLAN, steps=2), folder=folder)
    before = {file.name for file in folder.iterdir()}
    objective = Brightness(tmp_path)
    with room_for(10_000), pytest.raises(CheckpointFailed, match="Make room"):
        run(objective, folder=folder)
    assert {file.name for file in folder.iterdir()} == before
    assert run(Brightness(tmp_path), folder=folder).curve == run(Brightness(tmp_path)).curve


@pytest.mark.parametrize("damage", ["facts", "tensors", "names nothing"])
def test_a_damaged_checkpoint_is_none(tmp_path, damage):
    save_checkpoint(tmp_path, {"x": torch.ones(9)}, {"step": 3})
    [tensors] = tmp_path.glob("*.safetensors")
    facts = tmp_path / "checkpoint.json"
    match damage:
        case "facts":
            facts.write_text(facts.read_text()[:9])
        case "tensors":
            tensors.write_bytes(tensors.read_bytes()[:-8])
        case "names nothing":
            facts.write_text(json.dumps({"step": 3}))
    assert load_checkpoint(tmp_path) is None


def test_a_checkpoint_comes_back_and_replaces_the_older_one(tmp_path):
    for step in (1, 2):
        save_checkpoint(tmp_path, {"x": torch.full((2,), step)}, {"step": step})
    facts, tensors = load_checkpoint(tmp_path)
    assert facts["step"] == 2
    assert tensors["x"].tolist() == [2, 2]
    assert len(list(tmp_path.iterdir())) == 2


def test_the_papers_rate_is_divided_by_ten_every_eight_epochs():
    assert [PAPER.rate_at(epoch) for epoch in (0, 8, 8.1, 16, 16.1)] == pytest.approx([3e-4, 3e-4, 3e-5, 3e-5, 3e-6])


def test_our_rate_rises_and_falls():
    plan = Plan(epochs=10, batch=4, rate=1.0, warm_up=0.2)
    assert [plan.rate_at(epoch) for epoch in (1, 2, 6, 10)] == pytest.approx([0.5, 1, 0.5, 0])


def test_lower_layers_learn_more_slowly(tmp_path):
    scales = [group.get("lr_scale", 1) for group in make_optimiser(Brightness(tmp_path), PLAN).param_groups]
    assert min(scales) < 0.2 < max(scales) == 1


def test_a_long_curve_is_kept_as_means():
    curve = [{"step": step, "epoch": 1, "loss": float(step % 2), "lr": 1.0} for step in range(1, 1001)]
    thin = thin_curve(curve)
    assert len(thin) == 200
    assert thin[-1]["step"] == 1000
    assert np.mean([point["loss"] for point in thin]) == pytest.approx(0.5, abs=0.01)


def test_a_thinned_curve_keeps_everything_that_was_measured_between_the_steps():
    measured = [{"step": step, "epoch": step // 500, "retrieval": 0.5} for step in (0, 500, 1000)]
    losses = [{"step": step, "epoch": 1, "loss": 1.0, "lr": 1.0} for step in range(1, 1001)]
    thin = thin_curve([measured[0], *losses[:500], measured[1], *losses[500:], measured[2]])
    assert [point for point in thin if "retrieval" in point] == measured
    assert [thin[0], thin[-1]] == [measured[0], measured[2]]
    assert len(thin) == 203
