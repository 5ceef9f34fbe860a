from dataclasses import replace

import numpy as np
import pytest
import torch

from gnn.deep import attention_loss
from gnn.deep.attention import AttentionConfig, AttentionState, SequenceAttention
from gnn.deep.attention_loss import PrefixLoss, Wanted
from shopgraph.types import GraphSnapshot, Interactions, Recommender
from tests.gnn.recommender_suite import RecommenderSuite, one_history
from tests.planted import PURCHASE, planted_snapshot

SMALL = AttentionConfig(dim=16, epochs=15, batch_size=16, learning_rate=0.02)


class TestSequenceAttention(RecommenderSuite):
    def make(self) -> Recommender:
        return SequenceAttention(SMALL)


def plain_loss(
    past: torch.Tensor,
    columns: torch.Tensor,
    bias: torch.Tensor,
    weights: torch.Tensor,
    sharpness: torch.Tensor,
    wanted: Wanted,
) -> torch.Tensor:
    """The loss as its formula says, one prefix at a time."""
    loss = torch.zeros(())
    hidden = set(zip(*(part.tolist() for part in wanted.masked), strict=True))
    for row in range(len(past)):
        for prefix in range(past.shape[1]):
            target = int(wanted.columns[row, prefix])
            if target < 0:
                continue
            likeness = past[row] @ columns.T
            attention = torch.softmax(likeness * sharpness + weights[row, prefix].log()[:, None], dim=0)
            logits = (attention * likeness).sum(dim=0) + bias + wanted.offsets
            gone = torch.tensor([(row, prefix, n) in hidden for n in range(len(columns))])
            loss = loss - torch.log_softmax(logits.masked_fill(gone, -torch.inf), dim=0)[target]
    return loss


@pytest.mark.parametrize("chunk_bytes", [1, 8 << 20])
def test_loss_and_gradients_equal_the_formula(chunk_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_loss, "_CHUNK_BYTES", chunk_bytes)
    draw = torch.Generator().manual_seed(0)
    past = torch.randn((3, 4, 5), generator=draw)
    columns = torch.randn((6, 5), generator=draw)
    bias, offsets = torch.randn((2, 6), generator=draw)
    weights = torch.rand((3, 4, 4), generator=draw).tril()
    inputs = (past, columns, bias, weights, torch.tensor(0.7))
    for part in inputs:
        part.requires_grad_()
    targets = torch.tensor([[0, 1, 2, 3], [4, 5, -1, -1], [1, 1, 0, -1]])
    masked = torch.tensor([[0, 0, 4], [0, 3, 1], [2, 1, 5]]).T
    wanted = Wanted(targets, (masked[0], masked[1], masked[2]), offsets)
    expected = plain_loss(*inputs, wanted)
    found = PrefixLoss.apply(*inputs, wanted)
    torch.testing.assert_close(found, expected)
    pairs = zip(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True)
    for n, (gradient, expected_gradient) in enumerate(pairs):
        if n == 3:  # the formula's logarithm has no gradient where W is 0
            gradient, expected_gradient = gradient.tril(), torch.nan_to_num(expected_gradient)
        torch.testing.assert_close(gradient, expected_gradient, atol=1e-4, rtol=1e-4)


def in_turn(n_users: int = 80, n_items: int = 12, length: int = 6) -> GraphSnapshot:
    """Whoever had item j has item j + 1 next, round and round; users start anywhere."""
    snapshot = planted_snapshot(n_users=n_users, n_items=n_items)
    start = np.random.default_rng(0).integers(0, n_items, n_users)
    items = ((start[:, None] + np.arange(length)) % n_items).astype(np.int32).ravel()
    n = len(items)
    users = np.repeat(np.arange(n_users, dtype=np.int32), length)
    time = np.tile(np.arange(length, dtype=np.int64) * 86_400, n_users)
    return replace(
        snapshot,
        interactions=Interactions(users, items, np.full(n, PURCHASE, np.int8), np.ones(n, np.float32), time),
    )


@pytest.mark.parametrize("sampled", [False, True])
def test_the_order_of_events_is_learned(sampled: bool) -> None:
    snapshot = in_turn()
    limits = {"full_softmax_items": 4, "sampled_items": 6} if sampled else {}
    model = SequenceAttention(SMALL.model_copy(update={"epochs": 30, **limits}))
    model.fit(snapshot, np.random.default_rng(0))
    history = one_history(snapshot, [4, 5, 6], PURCHASE, [3, 2, 1])
    scores = model.score(history)[0]
    scores[history.item_idx] = -np.inf
    assert int(scores.argmax()) == 7
    assert model.shares(history, 7)[0].past_item_idx == 6


def test_served_scores_follow_the_formula() -> None:
    state = AttentionState(
        past=np.array([[1.0, 0.0], [0.0, 2.0], [0.5, 0.5]], np.float32),
        target=np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32),
        bias=np.array([0.0, 0.1, -0.2], np.float32),
        place=np.array([0.0, -1.0], np.float32),
        type_bias=np.zeros(8, np.float32),
        sharpness=0.5,
        forgetting=2.0,
    )
    history = one_history(planted_snapshot(), [2, 0, 1], PURCHASE, [30, 8, 5])
    likeness = np.array([1.0, 2.0])  # of items 0 and 1 with target 2; item 2 is out of the window
    logits = 0.5 * likeness + np.array([-1.0 - 2.0 * np.log(4.0), 0.0])
    attention = np.exp(logits) / np.exp(logits).sum()
    assert state.score(history)[0, 2] == pytest.approx((attention * likeness).sum() - 0.2, rel=1e-5)


def test_cold_items_stand_on_their_texts() -> None:
    snapshot = planted_snapshot(with_text=True)
    x = snapshot.interactions
    cold = 36
    keep = x.item_idx != cold
    columns = (x.user_idx, x.item_idx, x.type_code, x.value, x.time)
    train = replace(snapshot, interactions=Interactions(*(column[keep] for column in columns)))
    model = SequenceAttention(SMALL.model_copy(update={"own_dropout": 0.5}))
    model.fit(train, np.random.default_rng(0))
    scores = model.score(train.histories)[:, cold] - model.state.bias[cold]
    own_taste = np.arange(train.n_users) % 4 == cold % 4
    assert scores[own_taste].min() > np.median(scores[~own_taste])
