"""Network over a page's blocks: the slopes it is trained by, what it learns, and what is kept of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from broadsheet.cleaners import package_data
from broadsheet.cleaners.judge.page_network import block_graph, load_network, network_log_odds
from broadsheet.cleaners.judge.tree_models import ModelError
from tests.training import network_model
from tests.training.network_model import initial_weights, loss_slopes, train_network, write_network


def groups(count: int, random: np.random.Generator) -> Any:
    """Random groups of so many blocks: paths, containers, last steps."""
    path, parent, grandparent, leaf = (random.integers(0, 3, count) for _ in range(4))
    return SimpleNamespace(path=path, containers=(parent, grandparent, path), leaf=leaf)


def test_each_slope_is_what_the_loss_changes_by():
    random = np.random.default_rng(1)
    graph = block_graph([groups(count, random) for count in (9, 1, 14)])
    inputs, labels, block_weights = random.standard_normal((24, 5)), random.integers(0, 2, 24), random.random(24)
    weights = {name: array.astype(float) for name, array in initial_weights(5, random).items()}
    masks = [(random.random((24, 48)) > 0.1) / 0.9 for _ in range(4)]
    _, slopes = loss_slopes(weights, inputs, graph, labels, block_weights, masks)
    assert slopes.keys() == weights.keys()
    for name, array in weights.items():
        place = tuple(int(random.integers(0, size)) for size in array.shape)
        losses = []
        for step in (1e-5, -1e-5):
            moved = array.copy()
            moved[place] += step
            losses.append(loss_slopes(weights | {name: moved}, inputs, graph, labels, block_weights, masks)[0])
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(slopes[name][place], rel=1e-3, abs=1e-6), name


def test_a_page_beside_others_is_judged_as_it_is_alone():
    random = np.random.default_rng(2)
    pages = [groups(count, random) for count in (7, 1, 30)]
    inputs = [random.standard_normal((len(page.path), 5)).astype(np.float32) for page in pages]
    weights = initial_weights(5, random)
    together = network_log_odds(weights, np.concatenate(inputs), block_graph(pages))
    alone = [network_log_odds(weights, rows, block_graph([page])) for rows, page in zip(inputs, pages, strict=True)]
    assert together == pytest.approx(np.concatenate(alone), abs=1e-5)


@pytest.mark.slow
def test_it_learns_what_only_a_neighbour_tells_and_is_the_same_when_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(network_model, "_EPOCHS", 30)
    monkeypatch.setattr(network_model, "_BATCH_BLOCKS", 100)
    random = np.random.default_rng(3)
    examples: list[Any] = []
    for _ in range(40):
        inputs = random.integers(0, 2, (20, 2)).astype(np.float32)
        labels = np.append(inputs[1:, 0], 0)  # a block is of the kind that the first feature of the next one says
        measured = SimpleNamespace(names=("a", "b"), rows=inputs, page=SimpleNamespace(markup=groups(20, random)))
        examples.append(SimpleNamespace(measured=measured, labels=labels, weights=np.ones(20)))
    network = train_network(examples)
    right = []
    for example in examples:
        graph = block_graph([example.measured.page.markup])
        log_odds = network.log_odds(("a", "b"), example.measured.rows, graph)
        right.append(((log_odds > 0) == example.labels).mean())
    assert np.mean(right) > 0.95
    again = train_network(examples)
    for name, each in (("one", network), ("two", again)):
        (tmp_path / name).mkdir()
        write_network(each, tmp_path / name / "network.npz")
    assert len({file.read_bytes() for file in tmp_path.glob("*/network.npz")}) == 1
    monkeypatch.setattr(package_data, "files", lambda _: tmp_path / "one")
    loaded = load_network.__wrapped__()
    seen = examples[0].measured
    graph = block_graph([seen.page.markup])
    kept = loaded.log_odds(seen.names, seen.rows, graph)
    assert kept == pytest.approx(network.log_odds(seen.names, seen.rows, graph), abs=0.1)  # kept in half precision
    with pytest.raises(ModelError, match="make train"):
        loaded.log_odds(("b", "a"), seen.rows, graph)
