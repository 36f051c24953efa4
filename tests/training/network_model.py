"""Training of the network over a page's blocks (`judge/page_network.py`), with slopes written by hand in numpy.

The loss is the weighted cross-entropy of the blocks' labels. Pages are learned in random batches, by Adam with decaying
weights; part of what the network sees and computes is masked at random. The same pages and seed give the same weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from broadsheet.cleaners.document import Column
from broadsheet.cleaners.judge.page_columns import MarkupGroups
from broadsheet.cleaners.judge.page_network import (
    GROUP_KINDS,
    MESSAGE,
    STATE,
    STEPS,
    BlockGraph,
    PageNetwork,
    Weights,
    block_graph,
    forward,
    scale_inputs,
)
from tests.training.annotated_pages import BlockExample

_SEED = 0
_EPOCHS, _BATCH_BLOCKS = 10, 6144
_RATE, _FIRST_RATE, _DECAY, _MASKED, _MOST_SLOPE = 3e-3, 0.1, 1e-3, 0.1, 1.0
_MOMENTUM, _SQUARES_MOMENTUM, _LEAST_ROOT = 0.9, 0.999, 1e-8


class _Page(NamedTuple):
    """Page to learn from: its features as deviations, its groups, and labels and weights of its blocks."""

    inputs: Column
    markup: MarkupGroups
    labels: Column
    weights: Column


def train_network(examples: Sequence[BlockExample]) -> PageNetwork:
    """Train the network on the examples."""
    every_row = np.concatenate([example.measured.rows for example in examples])
    means, deviations = every_row.mean(0), every_row.std(0) + 1e-6
    pages = [
        _Page(
            scale_inputs(example.measured.rows, means, deviations),
            example.measured.page.markup,
            example.labels.astype(np.float32),
            example.weights.astype(np.float32),
        )
        for example in examples
        if example.weights.any()
    ]
    return PageNetwork(examples[0].measured.names, means, deviations, _learn_weights(pages))


def _learn_weights(pages: Sequence[_Page]) -> dict[str, Column]:
    """Learn the weights, from random ones on."""
    random = np.random.default_rng(_SEED)
    weights = initial_weights(pages[0].inputs.shape[1], random)
    slopes_mean = {name: np.zeros_like(array) for name, array in weights.items()}
    squares_mean = {name: np.zeros_like(array) for name, array in weights.items()}
    orders = [random.permutation(len(pages)) for _ in range(_EPOCHS)]
    batches = [batch for numbers in orders for batch in _batches(pages, numbers)]
    warm_up = len(batches) // _EPOCHS
    for step, batch in enumerate(batches, 1):
        slopes = _batch_slopes(weights, batch, random)
        norm = np.sqrt(sum(float((slope * slope).sum()) for slope in slopes.values()))
        rate = _learning_rate(step, warm_up, len(batches))
        for name, array in weights.items():
            slope = slopes[name] * np.float32(min(1, _MOST_SLOPE / (norm + 1e-9)))
            slopes_mean[name] += (1 - _MOMENTUM) * (slope - slopes_mean[name])
            squares_mean[name] += (1 - _SQUARES_MOMENTUM) * (slope * slope - squares_mean[name])
            root = np.sqrt(squares_mean[name] / (1 - _SQUARES_MOMENTUM**step)) + _LEAST_ROOT
            change = slopes_mean[name] / (1 - _MOMENTUM**step) / root + _DECAY * array
            array -= np.float32(rate) * change.astype(np.float32)
    return weights


def initial_weights(inputs: int, random: np.random.Generator) -> dict[str, Column]:
    """Return random weights for so many features."""

    def table(rows: int, columns: int, scale: float = 1.0) -> Column:
        values = random.standard_normal((rows, columns)) * np.sqrt(2 / (rows + columns)) * scale
        found: Column = values.astype(np.float32)
        return found

    weights = {"in": table(inputs, STATE), "in_bias": np.zeros(STATE, np.float32)}
    for n, steps in enumerate(STEPS):
        heard = STATE + (len(steps) + GROUP_KINDS) * MESSAGE
        weights |= {f"gain{n}": np.ones(STATE, np.float32), f"send{n}": table(STATE, MESSAGE)}
        weights |= {f"hear{n}": table(heard, STATE), f"bias{n}": np.zeros(STATE, np.float32)}
        weights[f"add{n}"] = table(STATE, STATE, 0.3)
    return weights | {"out": table(STATE, 1), "out_bias": np.zeros(1, np.float32)}


def _learning_rate(step: int, warm_up: int, steps: int) -> float:
    """Return the rate of a step: it grows through the first epoch, and falls to 0 along half a cosine."""
    if step <= warm_up:
        return _RATE * (_FIRST_RATE + (1 - _FIRST_RATE) * step / warm_up)
    return float(_RATE * 0.5 * (1 + np.cos(np.pi * (step - warm_up) / (steps - warm_up))))


def _batches(pages: Sequence[_Page], numbers: Column) -> Iterator[list[_Page]]:
    """Yield the pages in this order, in lists of so many blocks at most; a larger page is alone."""
    batch: list[_Page] = []
    blocks = 0
    for page in (pages[n] for n in numbers):
        if batch and blocks + len(page.labels) > _BATCH_BLOCKS:
            yield batch
            batch, blocks = [], 0
        batch.append(page)
        blocks += len(page.labels)
    yield batch


def _batch_slopes(weights: Weights, pages: Sequence[_Page], random: np.random.Generator) -> dict[str, Column]:
    inputs, labels, block_weights = (
        np.concatenate([getattr(page, name) for page in pages]) for name in ("inputs", "labels", "weights")
    )
    graph = block_graph([page.markup for page in pages])

    def mask(columns: int) -> Column:
        kept: Column = (random.random((len(labels), columns), np.float32) >= _MASKED) / np.float32(1 - _MASKED)
        return kept

    inputs = inputs * mask(inputs.shape[1])
    masks = [mask(STATE) for _ in STEPS]
    return loss_slopes(weights, inputs, graph, labels, block_weights / max(block_weights.sum(), 1), masks)[1]


def loss_slopes(
    weights: Weights, inputs: Column, graph: BlockGraph, labels: Column, block_weights: Column, masks: Sequence[Column]
) -> tuple[float, dict[str, Column]]:
    """Return the loss, and its slope along each weight."""
    last, first, layers = forward(weights, inputs, graph, masks)
    log_odds = (last @ weights["out"] + weights["out_bias"])[:, 0]
    loss = float((block_weights * (np.logaddexp(0, log_odds) - labels * log_odds)).sum())
    errors = (block_weights * (1 / (1 + np.exp(-log_odds)) - labels)).astype(inputs.dtype)[:, None]
    slopes = {"out": last.T @ errors, "out_bias": errors.sum(0)}
    state_slope = errors @ weights["out"].T
    for n in reversed(range(len(STEPS))):
        layer, slopes[f"add{n}"] = layers[n], layers[n].masked.T @ state_slope
        update_slope = (state_slope @ weights[f"add{n}"].T) * (layer.update > 0)
        if layer.mask is not None:
            update_slope = update_slope * layer.mask
        slopes |= {f"hear{n}": layer.heard.T @ update_slope, f"bias{n}": update_slope.sum(0)}
        heard_slope = update_slope @ weights[f"hear{n}"].T
        message_slope = _message_slope(heard_slope[:, STATE:], STEPS[n], graph)
        slopes[f"send{n}"] = layer.scaled.T @ message_slope
        scaled_slope = heard_slope[:, :STATE] + message_slope @ weights[f"send{n}"].T
        unit = layer.state * layer.scale
        slopes[f"gain{n}"] = (scaled_slope * unit).sum(0)
        along = scaled_slope * weights[f"gain{n}"]
        state_slope = state_slope + layer.scale * (along - unit * (along * unit).mean(1, keepdims=True))
    state_slope = state_slope * (first > 0)
    return loss, slopes | {"in": inputs.T @ state_slope, "in_bias": state_slope.sum(0)}


def _message_slope(heard_slope: Column, steps: Sequence[int], graph: BlockGraph) -> Column:
    """Return the slope along each block's message: what all that hear it pass back."""
    parts = np.split(heard_slope, heard_slope.shape[1] // MESSAGE, axis=1)
    passed_back = [graph.neighbours(-step, part) for step, part in zip(steps, parts, strict=False)]
    passed_back += [graph.means(kind, part) for kind, part in enumerate(parts[len(steps) :])]
    total: Column = np.sum(passed_back, axis=0)
    return total


def write_network(network: PageNetwork, file: Path) -> None:
    """Write a network and what it sees; the same network gives the same bytes."""
    arrays: dict[str, Any] = {"names": np.array(network.feature_names)}
    arrays |= {"means": network.means.astype(np.float32), "deviations": network.deviations.astype(np.float32)}
    arrays |= {name: array.astype(np.float16) for name, array in network.weights.items()}
    np.savez_compressed(file, **arrays)
