"""The tables in Markdown, the paper's figure beside ours, and everything in JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ndd_app.vision.reproduction.measuring import HIT_RATES_AT
from ndd_app.vision.reproduction.runs import TEST, TRAIN, Profile, Run, runs_of_table

TITLES = {
    1: "Table 1. UKBench, fitted on the train split",
    2: "Table 2. UKBench, fitted without labels on the train split, on both, or on the test split (transductive)",
    3: "Table 3. The annotated collection",
}
HEADS = {
    1: ["method", "backbone", "weights", "mAP@4", "without the query", "against frozen"],
    2: ["method", "backbone", "fitted on", "mAP@4", "without the query", "against frozen"],
    3: ["method", "backbone", "fitted on", *(f"hit rate@{k}" for k in HIT_RATES_AT)],
}
VIT_L = "vit_large_patch16_224.augreg_in21k_ft_in1k"
PUBLISHED = {("phash", "", ""): 0.263, ("mae", VIT_L, TRAIN): 0.810, ("mae", VIT_L, TEST): 0.843}
"""mAP@4 as the paper prints it (Net et al. 2023), by method, backbone and what it was fitted on; others: “–”."""
PUBLISHED_NOTE = (
    "Of the paper's figures only those are here that we have; its supervised row has .943. They are of the paper's own "
    "test split of 2,040 photos, with the query in the gallery."
)

Results = Mapping[str, Sequence[Mapping[str, Any]]]


def write_tables(folder: Path, profile: Profile, tables: Sequence[int], results: Results, *, annotated: bool) -> None:
    """tables.md and results.json."""
    texts = [table_in_markdown(table, profile, results) for table in tables if table != 3 or annotated]
    if 3 in tables and not annotated:
        texts.append("Table 3 needs --annotations and --photos.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tables.md").write_text("\n\n".join(texts) + "\n")
    (folder / "results.json").write_text(json.dumps(results, indent=1))


def table_in_markdown(table: int, profile: Profile, results: Results) -> str:
    published = profile.published and table != 3
    head = HEADS[table] + (["paper"] if published else [])
    lines = [_line(head), _line(["---"] * len(head))]
    losers = []
    for run in runs_of_table(table, profile):
        cells = _cells(table, run, results)
        lines.append(_line(cells + ([_published(run)] if published else [])))
        if (gain := _gain(table, run, results)) is not None and gain < 0:
            losers.append(run.name)
    notes = [_note_on_folds(profile)]
    if losers:
        measure = " by hit rate@1" if table == 3 else ""
        notes.append(f"Worse than the frozen network{measure}: {'; '.join(losers)}.")
    if published:
        notes.append(PUBLISHED_NOTE)
    return "\n".join([f"**{TITLES[table]}**", "", *lines, "", " ".join(notes)])


def _cells(table: int, run: Run, results: Results) -> list[str]:
    folds = results.get(run.key, [])
    network = run.network
    name = network.name if network else "–"
    if table == 3:
        rates = [_over_folds([f["collection"]["hit_rates"][str(k)] for f in folds]) for k in HIT_RATES_AT]
        return [run.method, name, run.fitted_on or "–", *rates]
    third = (network.weights if network else "–") if table == 1 else run.fitted_on or "–"
    both = [_over_folds([f["ukbench"][key] for f in folds]) for key in ("map_with_query", "map_without_query")]
    gain = _gain(table, run, results)
    return [run.method, name, third, *both, "" if gain is None else f"{gain:+.3f}".replace("0.", ".")]


def _gain(table: int, run: Run, results: Results) -> float | None:
    """Over the same network without training, as it is printed: in mAP@4, and in table 3 in the hit rate@1."""
    folds = results.get(run.key, [])
    frozen = results.get(run.frozen.key, []) if run.frozen else []
    if not (folds and frozen):
        return None
    gain = mean(_compared(table, fold) for fold in folds) - mean(_compared(table, fold) for fold in frozen)
    return round(gain, 3) + 0.0  # no minus before a zero


def _compared(table: int, fold: Mapping[str, Any]) -> float:
    return fold["collection"]["hit_rates"]["1"] if table == 3 else fold["ukbench"]["map_with_query"]


def _over_folds(values: Sequence[float]) -> str:
    if not values:
        return "–"
    figure = f"{mean(values):.3f}".removeprefix("0")
    return figure if len(values) == 1 else f"{figure} ± {stdev(values):.3f}".replace("± 0", "± ")


def _published(run: Run) -> str:
    network = run.network
    if network and not network.pretrained:
        return "–"
    figure = PUBLISHED.get((run.method, network.name if network else "", run.fitted_on))
    return "–" if figure is None else f"{figure:.3f}".removeprefix("0")


def _note_on_folds(profile: Profile) -> str:
    if profile.folds == 1:
        return "Objects split 60/20/20 for training, validation and test."
    return f"Mean ± standard deviation over {profile.folds} folds by object; 60/20/20 in each."


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
