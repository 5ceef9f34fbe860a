"""The processes that train one model together, as torchrun starts them; one process is the usual case."""

import atexit
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Ranks:
    """Which process this is (`rank`) of how many (`n_ranks`); methods do nothing for a single one."""

    rank: int = 0
    n_ranks: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that reports and writes."""
        return self.rank == 0

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its sum over the processes, all in one message."""
        if self.n_ranks == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        distributed.all_reduce(flat)
        pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, piece in zip(tensors, pieces, strict=True):
            tensor.copy_(piece.view_as(tensor))

    def agree(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by the first process's."""
        if self.n_ranks > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)


def join(device: torch.device) -> Ranks:
    """The group that torchrun started (gloo on CPU, nccl on CUDA), or the one that the caller initialised.

    Without either, one process. A group is joined once and left at the process's end: between two
    trainings it could not be left and joined again safely, as the processes don't wait for each other.
    """
    if not distributed.is_available():
        return Ranks()
    if not distributed.is_initialized():
        if not distributed.is_torchelastic_launched():
            return Ranks()
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(distributed.destroy_process_group)
    return Ranks(distributed.get_rank(), distributed.get_world_size())


def first_on_this_machine() -> bool:
    """Whether this process writes what was trained: torchrun's first one here, or the only one."""
    return not distributed.is_available() or distributed.get_node_local_rank(fallback_rank=0) == 0


def chosen_cuda() -> torch.device:
    """This process's CUDA device: one each on a machine with several."""
    if distributed.is_available() and (
        distributed.is_torchelastic_launched() or distributed.is_initialized()
    ):
        device = torch.device("cuda", distributed.get_node_local_rank(fallback_rank=0))
        torch.cuda.set_device(device)
        return device
    return torch.device("cuda")
