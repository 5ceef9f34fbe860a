import numpy as np
import pytest
import torch

from gnn.training.losses import SoftmaxLoss, bpr_loss, mean_squared_length, sampled_items, softmax_loss


def inputs(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    profiles = torch.randn((40, 3), generator=rng, dtype=dtype).requires_grad_()
    columns = torch.randn((7, 3), generator=rng, dtype=dtype).requires_grad_()
    return profiles, columns, torch.randn(7, generator=rng, dtype=dtype)


def test_softmax_loss_and_gradients_equal_torchs_own() -> None:
    profiles, columns, offsets = inputs(torch.float64)
    rows = torch.arange(40)
    masked, targets = (rows, rows % 7), (rows, (rows + 1) % 7, 1.0 + rows.double())
    chunked = SoftmaxLoss.apply(profiles, columns, offsets, masked, targets, None)
    chunked.backward()
    found = [profiles.grad, columns.grad]
    profiles.grad = columns.grad = None
    logits = (profiles @ columns.T + offsets).index_put(masked, torch.tensor(-torch.inf).double())
    plain = -(targets[2] * torch.log_softmax(logits, dim=1)[targets[:2]]).sum()
    torch.autograd.backward(plain)
    assert chunked.item() == pytest.approx(plain.item())
    for grad, expected in zip(found, [profiles.grad, columns.grad], strict=True):
        torch.testing.assert_close(grad, expected)


def test_softmax_loss_under_autocast_is_near_and_its_gradients_are_fp32() -> None:
    profiles, columns, offsets = inputs(torch.float32)
    rows = torch.arange(40)
    masked, targets = (rows, rows % 7), (rows, (rows + 1) % 7, torch.ones(40))
    full = softmax_loss(profiles, columns, offsets, masked, targets)
    (expected,) = torch.autograd.grad(full, [profiles])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = softmax_loss(profiles, columns, offsets, masked, targets)
    (found,) = torch.autograd.grad(half, [profiles])
    assert half.item() == pytest.approx(full.item(), rel=0.01)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0.05)


def test_a_sample_holds_the_targets_and_corrects_by_the_chance_to_be_in_it() -> None:
    popularity = np.array([0.5, 0.3, 0.2, 0, 0, 0, 0, 0, 0, 0])
    chosen, offsets = sampled_items(np.array([1, 1]), popularity, 4, np.random.default_rng(0))
    assert 1 in chosen
    assert len(chosen) in (4, 5)
    assert (np.diff(chosen) > 0).all()
    chance = 1 - 0.6 * (1 - popularity[chosen]) ** 2  # not drawn (6 in 10), and neither target
    np.testing.assert_allclose(offsets, -np.log(chance), rtol=1e-5)


def test_the_corrected_sample_sums_to_the_full_softmax_on_average() -> None:
    rng = np.random.default_rng(0)
    popularity = rng.dirichlet(np.ones(30))
    logits = rng.normal(size=30)
    sums = []
    for _ in range(4000):
        targets = rng.choice(30, size=5, p=popularity)
        chosen, offsets = sampled_items(targets, popularity, 8, rng)
        sums.append(np.exp(logits[chosen] + offsets).sum())
    assert np.mean(sums) == pytest.approx(np.exp(logits).sum(), rel=0.02)


def test_bpr_is_log_2_at_a_tie_and_falls_with_the_margin() -> None:
    tie = bpr_loss(torch.zeros(3), torch.zeros(3))
    assert tie.item() == pytest.approx(np.log(2))
    won = bpr_loss(torch.tensor([2.0]), torch.tensor([0.0]))
    assert won.item() == pytest.approx(-np.log(1 / (1 + np.exp(-2.0))))


def test_mean_squared_length_is_a_mean_over_rows() -> None:
    a, b = torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.tensor([[1.0, 1.0]])
    assert mean_squared_length(a, b).item() == pytest.approx(12.5 + 2)
