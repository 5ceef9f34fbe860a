"""A transformer that tags words: mean of a word's pieces → tag scores → a linear-chain CRF."""

import torch
from transformers import PreTrainedModel

from nlu.tagger.bio import legal_steps, n_tags

_NEVER = -1e4


class WordTagger(torch.nn.Module):
    """A transformer, tag scores of its words, and the CRF over them (Lafferty et al. 2001).

    The steps that BIO forbids are forbidden in the CRF too.
    """

    def __init__(self, transformer: PreTrainedModel, width: int, n_labels: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.transformer = transformer
        self.dropout = torch.nn.Dropout(dropout)
        self.scores = torch.nn.Linear(width, n_tags(n_labels))
        self.steps = torch.nn.Parameter(torch.zeros(n_tags(n_labels), n_tags(n_labels)))
        self.register_buffer("forbidden", torch.from_numpy(~legal_steps(n_labels)))

    def forward(self, token_ids: torch.Tensor, word_of: torch.Tensor, n_words: int) -> torch.Tensor:
        """Scores, shape (batch, n_words, n_tags).

        `word_of`, shape as `token_ids`: the word that a token is a piece of, `n_words` where none, -1 where
        it is padding.
        """
        mask = (word_of >= 0).to(torch.int64)
        states = self.transformer(input_ids=token_ids, attention_mask=mask).last_hidden_state
        place = torch.where(word_of < 0, n_words, word_of)
        pieces = torch.nn.functional.one_hot(place, n_words + 1)[:, :, :n_words].to(states.dtype)
        words = torch.einsum("btw,btd->bwd", pieces, states) / pieces.sum(1).clamp(min=1).unsqueeze(-1)
        scores: torch.Tensor = self.scores(self.dropout(words))
        return scores

    def legal(self) -> torch.Tensor:
        """The CRF's steps, forbidden ones far below all others; shape (n_tags, n_tags), from → to."""
        return self.steps.masked_fill(self.get_buffer("forbidden"), _NEVER)


def crf_loss(
    scores: torch.Tensor, steps: torch.Tensor, tags: torch.Tensor, n_words: torch.Tensor
) -> torch.Tensor:
    """Mean over the texts of −log p(tags), by the forward algorithm.

    Args:
        scores: shape (batch, longest, n_tags).
        steps: shape (n_tags, n_tags), from → to.
        tags: shape (batch, longest); what lies beyond a text's words is not read.
        n_words: of each text, at least 1; shape (batch,).
    """
    rows = torch.arange(len(scores))
    first = scores[:, 0].clone()
    first[:, 2::2] += _NEVER
    every, path = first, first[rows, tags[:, 0]]
    for place in range(1, scores.shape[1]):
        alive = place < n_words
        onward = torch.logsumexp(every[:, :, None] + steps[None], dim=1) + scores[:, place]
        every = torch.where(alive[:, None], onward, every)
        step = steps[tags[:, place - 1], tags[:, place]] + scores[rows, place, tags[:, place]]
        path = path + torch.where(alive, step, torch.zeros_like(step))
    return (torch.logsumexp(every, dim=1) - path).mean()
