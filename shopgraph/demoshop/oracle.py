"""The oracle: scores items by the planted truth, the ceiling for anything that learns from the shop."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from shopgraph.demoshop.tastes import Truth
from shopgraph.errors import BadSource
from shopgraph.types import FloatMatrix


def truth_path(folder: Path) -> Path:
    """Where the truth of a shop folder lies: beside it, so that no reader of the folder meets it."""
    return folder.with_name(f"{folder.name}-truth.npz")


def save_truth(folder: Path, truth: Truth) -> Path:
    """Write the truth beside the shop folder."""
    path = truth_path(folder)
    np.savez_compressed(path, **{f.name: getattr(truth, f.name) for f in dataclasses.fields(truth)})
    return path


def load_truth(folder: Path) -> Truth:
    """The truth of a shop folder.

    Raises:
        BadSource: there is none; only demo shops have one.
    """
    path = truth_path(folder)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Truth(**{f.name: arrays[f.name] for f in dataclasses.fields(Truth)})
    except (OSError, KeyError, ValueError) as exc:
        raise BadSource(f"{path}: not the truth of a demo shop: {exc}") from exc


def oracle_scores(
    folder: Path, user_ids: Sequence[str], item_ids: Sequence[str], now: datetime
) -> FloatMatrix:
    """True utilities at a time, shape (len(user_ids), len(item_ids)), in nats.

    They say what a shopper would like, bought already or not, in stock or not.

    Raises:
        BadSource: the folder has no truth.
        KeyError: an id that is not in this shop.
    """
    truth = load_truth(folder)
    row = {user_id: n for n, user_id in enumerate(truth.user_ids.tolist())}
    column = {item_id: n for n, item_id in enumerate(truth.item_ids.tolist())}
    users = np.array([row[user_id] for user_id in user_ids], np.int64)
    return truth.utility(users, now.timestamp())[:, [column[item_id] for item_id in item_ids]]
