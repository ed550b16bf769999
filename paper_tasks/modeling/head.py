"""The head: from the states of a text's tokens, and from how often it names each label, to logits."""

import torch
from torch import nn
from torch.nn import functional as F


def mean_pooling(hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """The mean over all tokens but padding: (batch, sequence, hidden_size) to (batch, hidden_size)."""
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1)


class Head(nn.Module):
    """Logits from the mean of a text's tokens, from the strongest of them, and from how often the text names a label.

    The mean suits a paper that circles around a task (as in Sentence-BERT; Reimers and Gurevych, 2019). One sentence
    among ten is lost in the mean, but not in a log-sum-exp, the smooth maximum (as in Pinheiro and Collobert, 2015).
    """

    prior: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor
    unnamed: torch.Tensor

    def __init__(self, hidden_size: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.whole = nn.Linear(hidden_size, labels)
        self.mention = nn.Linear(hidden_size, labels, bias=False)
        self.named = nn.Parameter(torch.zeros(labels))
        self.repeated = nn.Parameter(torch.zeros(labels))
        self.register_buffer("prior", torch.zeros(labels))
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("shift", torch.zeros(1))
        self.register_buffer("unnamed", torch.zeros(1))

    def forward(self, hidden: torch.Tensor, attention_mask: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """The logits, (batch, labels).

        hidden: (batch, sequence, hidden_size). attention_mask: (batch, sequence). counts: (batch, labels), how often
        the text names each label.
        """
        return self.finish(self.from_encoder(hidden, attention_mask), counts)

    def finish(self, from_encoder: torch.Tensor | float, counts: torch.Tensor) -> torch.Tensor:
        """The logits, from the encoder's part of them and from how often the text names each label.

        A text that names any label says so what it is about, and is likely about nothing else. To a text that names
        no label, `unnamed` is added.
        """
        names_none = counts.sum(dim=1, keepdim=True) == 0
        unscaled = self.prior + from_encoder + self.from_names(counts)
        return self.scale * unscaled + self.shift + self.unnamed * names_none

    def from_names(self, counts: torch.Tensor) -> torch.Tensor:
        """The names' part of the logits, before `scale`. counts and result: (batch, labels)."""
        return self.named * counts.clamp(max=1) + self.repeated * counts.clamp(min=1).log()

    def from_encoder(self, hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The encoder's part of the logits, (batch, labels): the mean and the smooth maximum."""
        padding = (attention_mask == 0).unsqueeze(-1)
        tokens = attention_mask.sum(dim=1, keepdim=True).to(hidden.dtype)
        scores = self.mention(hidden).float().masked_fill(padding, -1e4)
        # Step by step: onnxruntime's kernel of a log-sum-exp takes twice as long.
        highest = scores.detach().amax(dim=1, keepdim=True)
        mentions = (scores - highest).exp().sum(dim=1).log() + highest.squeeze(1) - tokens.log()
        logits: torch.Tensor = self.whole(self.dropout(mean_pooling(hidden, attention_mask))) + mentions
        return logits

    @torch.no_grad()
    def weigh_names(self, factor: float) -> None:
        """Multiplies the names' part of the logits."""
        self.named.mul_(factor)
        self.repeated.mul_(factor)

    @torch.no_grad()
    def start(
        self,
        names: torch.Tensor,
        hidden: torch.Tensor,
        mask: torch.Tensor,
        frequencies: torch.Tensor,
        precisions: torch.Tensor,
    ) -> None:
        """Starts as a search: a label's weights are the embedding of its name.

        names: (labels, hidden_size). hidden, mask: states of some papers, from which the length of their embeddings
        and their mean similarity to each name are taken. frequencies: (labels,), the share of papers with each label.
        It becomes the label's probability for a paper that is as similar to the name as papers are on average.
        precisions: see `start_names`.
        """
        length = mean_pooling(hidden, mask).norm(dim=1).mean()
        # 8 was best of 4, 8 and 16: somewhat more than one logit for one deviation of the similarities.
        self.whole.weight.copy_(8 * F.normalize(names) / length)
        self.mention.weight.copy_(self.whole.weight / 2)
        self.whole.bias.zero_()
        self.whole.bias.copy_(-self.from_encoder(hidden, mask).mean(dim=0))
        self.prior.copy_(torch.logit(frequencies, eps=1e-4))
        self.start_names(precisions)

    @torch.no_grad()
    def start_names(self, precisions: torch.Tensor) -> None:
        """Starts the names' weights, beside `prior`.

        precisions: (labels,), each label's probability for a paper that names it.
        """
        self.named.copy_(torch.logit(precisions, eps=1e-3) - self.prior)
        self.repeated.zero_()
