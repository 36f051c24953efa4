"""Network over a page's blocks: the log-odds of each to be the article's, by its features and by blocks like it.

A block's state is 48 numbers, at first of its features alone. In each of four layers a block sends a message of 16
numbers. It hears its neighbours' messages, those of blocks farther off in each layer, and the means over the blocks of
the same path, of the same container, of one a step up, of the same last steps, and of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from ..document import Column
from ..package_data import read_arrays
from .page_columns import MarkupGroups
from .tree_models import MODELS_PACKAGE, ModelError

NETWORK_FILE = "network.npz"
STATE, MESSAGE = 48, 16
STEPS = ((-1, 1, -2, 2), (-1, 1, -2, 2), (-1, 1, -4, 4), (-1, 1, -8, 8))
"""The neighbours that a block hears, a row a layer."""

_MOST_DEVIATIONS = 4
_LEAST_SQUARE = 1e-5

Weights = Mapping[str, Column]


class _Group(NamedTuple):
    """Blocks in the order of their groups, where each group begins, each block's group, and a share a block."""

    order: Column
    starts: Column
    group_of: Column
    shares: Column


@dataclass(frozen=True, slots=True)
class BlockGraph:
    """Graph of who hears whom: the blocks of a page, or of several pages one after the other."""

    groups: tuple[_Group, ...]
    page: Column  # number of each block's page

    def means(self, kind: int, messages: Column) -> Column:
        """Return, for each block, the mean of the messages in its group of a kind. The mean's slope is the same."""
        group = self.groups[kind]
        sums = np.add.reduceat(messages[group.order], group.starts, axis=0)
        found: Column = (sums * group.shares)[group.group_of]
        return found

    def neighbours(self, step: int, messages: Column) -> Column:
        """Return, for each block, the message of the one `step` blocks below, 0 without one on its page."""
        found = np.zeros_like(messages)
        if step > 0:
            found[:-step] = messages[step:] * (self.page[step:] == self.page[:-step])[:, None]
        elif -step < len(messages):
            found[-step:] = messages[:step] * (self.page[:step] == self.page[-step:])[:, None]
        return found


GROUP_KINDS = 5


def block_graph(markups: Sequence[MarkupGroups]) -> BlockGraph:
    """Return the graph of pages, each given by the groups of its blocks."""
    sizes = [len(markup.path) for markup in markups]
    page = np.repeat(np.arange(len(markups)), sizes)
    columns = [(m.path, m.containers[0], m.containers[1], m.leaf) for m in markups]
    groups = []
    for kind in zip(*columns, strict=True):
        firsts = np.cumsum([0, *(int(column.max()) + 1 for column in kind)])
        groups.append(_group(np.concatenate([column + first for column, first in zip(kind, firsts, strict=False)])))
    return BlockGraph((*groups, _group(page)), page)


def _group(numbers: Column) -> _Group:
    order = np.argsort(numbers, kind="stable")
    is_first = np.diff(numbers[order], prepend=-1) != 0
    starts = np.flatnonzero(is_first)
    group_of = np.empty(len(numbers), np.int64)
    group_of[order] = np.cumsum(is_first) - 1
    sizes = np.diff(starts, append=len(numbers))
    return _Group(order, starts, group_of, (1 / sizes).astype(np.float32)[:, None])


class Layer(NamedTuple):
    """Values of a layer on the way forward, which its slopes are computed from."""

    state: Column
    scale: Column
    scaled: Column
    heard: Column
    update: Column
    masked: Column
    mask: Column | None


_PART = 24  # rows


def multiply_in_parts(rows: Column, table: Column) -> Column:
    """Return the product of two tables, few rows at a time: for more, BLAS starts threads, at ten times the cost."""
    count = -(-len(rows) // _PART)
    padded = np.zeros((count * _PART, rows.shape[1]), rows.dtype)
    padded[: len(rows)] = rows
    product: Column = np.matmul(padded.reshape(count, _PART, -1), table).reshape(count * _PART, -1)[: len(rows)]
    return product


def forward(
    weights: Weights,
    inputs: Column,
    graph: BlockGraph,
    masks: Sequence[Column] = (),
    multiply: Callable[[Column, Column], Column] = np.matmul,
) -> tuple[Column, Column, list[Layer]]:
    """Return the last state of each block, the first, and what each layer computed.

    `masks` (training only) multiply the update of each layer.
    """
    first = state = np.maximum(multiply(inputs, weights["in"]) + weights["in_bias"], 0)
    layers = []
    for n, steps in enumerate(STEPS):
        scale = 1 / np.sqrt((state * state).mean(1, keepdims=True) + np.float32(_LEAST_SQUARE))
        scaled = state * weights[f"gain{n}"] * scale
        messages = multiply(scaled, weights[f"send{n}"])
        heard = [graph.neighbours(step, messages) for step in steps]
        heard += [graph.means(kind, messages) for kind in range(GROUP_KINDS)]
        everything = np.concatenate([scaled, *heard], axis=1)
        update = np.maximum(multiply(everything, weights[f"hear{n}"]) + weights[f"bias{n}"], 0)
        masked = update * masks[n] if masks else update
        layers.append(Layer(state, scale, scaled, everything, update, masked, masks[n] if masks else None))
        state = state + multiply(masked, weights[f"add{n}"])
    return state, first, layers


def network_log_odds(weights: Weights, inputs: Column, graph: BlockGraph) -> Column:
    """Return each block's log-odds to be the article's."""
    last = forward(weights, inputs, graph, multiply=multiply_in_parts)[0]
    log_odds: Column = (multiply_in_parts(last, weights["out"]) + weights["out_bias"])[:, 0]
    return log_odds


def scale_inputs(rows: Column, means: Column, deviations: Column) -> Column:
    """Return features as deviations from their mean, within bounds."""
    scaled: Column = np.clip((rows - means) / deviations, -_MOST_DEVIATIONS, _MOST_DEVIATIONS).astype(np.float32)
    return scaled


@dataclass(frozen=True, slots=True)
class PageNetwork:
    """Trained network, with the features that it sees, and these features' means and deviations."""

    feature_names: tuple[str, ...]
    means: Column
    deviations: Column
    weights: Weights

    def log_odds(self, names: Sequence[str], rows: Column, graph: BlockGraph) -> Column:
        """Return each block's log-odds to be the article's. Raises ModelError for other features."""
        if tuple(names) != self.feature_names:
            raise ModelError(f"{NETWORK_FILE} was trained on other features than this version computes: make train")
        return network_log_odds(self.weights, scale_inputs(rows, self.means, self.deviations), graph)


@cache
def load_network() -> PageNetwork:
    """Read the network that comes with the package; once in a process."""
    arrays = read_arrays(MODELS_PACKAGE, NETWORK_FILE)
    names, means, deviations = (arrays.pop(name) for name in ("names", "means", "deviations"))
    weights = {name: array.astype(np.float32) for name, array in arrays.items()}
    return PageNetwork(tuple(map(str, names)), means, deviations, weights)
