"""What learns: a small transformer over the encoder's frozen states, a head for tags and one for intent."""

from pathlib import Path

import torch

from nlu.onnx_export import export_graph


class Block(torch.nn.Module):
    """A transformer layer, norms first (Xiong et al. 2020)."""

    def __init__(self, width: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.before = torch.nn.LayerNorm(width)
        self.queries_keys_values = torch.nn.Linear(width, 3 * width)
        self.mix = torch.nn.Linear(width, width)
        self.between = torch.nn.LayerNorm(width)
        self.widen = torch.nn.Linear(width, 2 * width)
        self.narrow = torch.nn.Linear(2 * width, width)
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, states: torch.Tensor, added: torch.Tensor) -> torch.Tensor:
        """`states` (batch, length, width); `added` (batch, 1, 1, length) is far below 0 where padded."""
        batch, length, width = states.shape
        split = self.queries_keys_values(self.before(states)).reshape(batch, length, 3, self.n_heads, -1)
        queries, keys, values = split.permute(2, 0, 3, 1, 4).unbind(0)
        weights = (queries @ keys.transpose(2, 3)) * (width // self.n_heads) ** -0.5 + added
        mixed = (torch.softmax(weights, dim=3) @ values).transpose(1, 2).reshape(batch, length, width)
        states = states + self.dropout(self.mix(mixed))
        wide = torch.nn.functional.gelu(self.widen(self.between(states)))
        onward: torch.Tensor = states + self.dropout(self.narrow(wide))
        return onward


class Heads(torch.nn.Module):
    """Frozen states → logits of each token's tags and of the text's intent."""

    def __init__(
        self, n_in: int, width: int, n_blocks: int, n_tags: int, n_intents: int, dropout: float
    ) -> None:
        super().__init__()
        self.calm = torch.nn.LayerNorm(n_in)
        self.dropout = torch.nn.Dropout(dropout)
        self.narrow = torch.nn.Linear(n_in, width)
        self.blocks = torch.nn.ModuleList(Block(width, width // 32, dropout) for _ in range(n_blocks))
        self.last = torch.nn.LayerNorm(width)
        self.tags = torch.nn.Linear(width, n_tags)
        self.attention = torch.nn.Linear(width, 1)
        self.intent = torch.nn.Linear(width, n_intents)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(tag logits (batch, length, n_tags), intent logits (batch, n_intents))."""
        missing = 1.0 - mask.to(states.dtype)
        inner = self.narrow(self.dropout(self.calm(states)))
        for block in self.blocks:
            inner = block(inner, -1e4 * missing[:, None, None, :])
        inner = self.last(inner)
        share = torch.softmax(self.attention(inner).squeeze(2) - 1e4 * missing, dim=1)
        pooled = (share.unsqueeze(2) * inner).sum(1)
        return self.tags(inner), self.intent(self.dropout(pooled))


def export_heads(heads: Heads, n_in: int, target: Path) -> None:
    """Writes the graph states (float32), attention_mask (int64) → tags, intent, all in float32."""
    states = torch.zeros((2, 8, n_in))
    sizes = {0: "batch", 1: "length"}
    export_graph(
        heads,
        {"states": (states, sizes), "attention_mask": (torch.ones((2, 8), dtype=torch.int64), sizes)},
        ("tags", "intent"),
        target,
    )
