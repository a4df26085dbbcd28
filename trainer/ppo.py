"""Proximal policy optimisation with a value head: clipped objective, GAE, KL to the reference.

Schulman et al. 2017 (eq. 7) and 2016 (GAE); the reward of a token is -kl·(log π - log π_ref), and
the last one gets the reward model's score, too (Ouyang et al. 2022). Leaves out who scores.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PpoOptions:
    """clip: ε of the ratio. gamma, lam: of GAE. kl: price of a nat. inner: passes over a batch."""

    # The usual values; what is known of them here: docs/design/own-ppo.md
    clip: float = 0.2
    gamma: float = 1.0
    lam: float = 0.95
    kl: float = 0.05
    inner: int = 4
    value_weight: float = 0.1
    temperature: float = 1.0


def advantages(reward_T: Floats, value_T: Floats, gamma: float, lam: float) -> Floats:
    """Generalised advantage estimates of one response; the value after its end is 0."""
    advantage_T = np.zeros(len(reward_T))
    after, running = 0.0, 0.0
    for t in range(len(reward_T) - 1, -1, -1):
        surprise = reward_T[t] + gamma * after - value_T[t]
        running = surprise + gamma * lam * running
        advantage_T[t], after = running, value_T[t]
    return advantage_T


def step(
    model: Any,
    reference: Any,
    head: Any,
    optimizer: Any,
    tokenizer: Any,
    asked: Sequence[list[int]],
    score: Callable[[list[str]], Sequence[float]],
    length: int,
    options: PpoOptions,
) -> tuple[list[str], list[float], float]:
    """Answer each prompt and improve on it; responses, scores, mean KL in nats."""
    import torch

    ids, mask, taken = _generate(model, tokenizer, asked, length, options.temperature)
    width = ids.shape[1] - taken.shape[1]
    texts = tokenizer.batch_decode(ids[:, width:], skip_special_tokens=True)
    scores = [float(value) for value in score(texts)]
    with torch.no_grad():
        old, values = _forward(model, head, ids, mask, width)
        fixed, _ = _forward(reference, None, ids, mask, width)
    apart = (old - fixed) * taken
    reward = (-options.kl * apart).double().cpu().numpy()
    ends = taken.sum(1).long().tolist()
    advantage, target = np.zeros_like(reward), np.zeros_like(reward)
    known = values.double().cpu().numpy()
    for i, end in enumerate(ends):
        reward[i, end - 1] += scores[i]
        advantage[i, :end] = advantages(reward[i, :end], known[i, :end], options.gamma, options.lam)
        target[i, :end] = advantage[i, :end] + known[i, :end]
    spread = torch.tensor(advantage, dtype=old.dtype, device=old.device)
    spread = (spread - spread[taken > 0].mean()) / (spread[taken > 0].std() + 1e-6)
    wanted = torch.tensor(target, dtype=old.dtype, device=old.device)
    for _ in range(options.inner):
        new, value = _forward(model, head, ids, mask, width)
        ratio = (new - old).exp()
        clipped = ratio.clamp(1 - options.clip, 1 + options.clip)
        gain = torch.minimum(ratio * spread, clipped * spread)
        loss = ((options.value_weight * (value - wanted) ** 2 - gain) * taken).sum() / taken.sum()
        optimizer.zero_grad()
        loss.backward()
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return texts, scores, float(apart.sum(1).mean())


def _generate(
    model: Any, tokenizer: Any, asked: Sequence[list[int]], length: int, temperature: float
) -> tuple[Any, Any, Any]:
    """Left-padded prompts with sampled responses, the attention mask, and which tokens count."""
    import torch

    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    width = max(len(row) for row in asked)
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in asked], device=model.device)
    mask = torch.tensor(
        [[0] * (width - len(row)) + [1] * len(row) for row in asked], device=model.device
    )
    with torch.no_grad():
        out = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=length,
            do_sample=True,
            temperature=temperature,
            top_k=0,
            pad_token_id=pad,
        )
    made = out[:, width:]
    # A token counts until the end token, which counts itself; what follows is padding.
    ended = (made == end).long().cumsum(1) - (made == end).long()
    taken = (ended == 0).float()
    return out, torch.cat([mask, taken.long()], dim=1), taken


def _forward(model: Any, head: Any, ids: Any, mask: Any, width: int) -> tuple[Any, Any]:
    """Log-probabilities of the response's tokens, and the values before each of them."""
    places = (mask.cumsum(1) - 1).clamp(min=0)
    out = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=places,
        output_hidden_states=head is not None,
    )
    logs = out.logits[:, width - 1 : -1].float().log_softmax(-1)
    picked = logs.gather(-1, ids[:, width:].unsqueeze(-1)).squeeze(-1)
    if head is None:
        return picked, None
    return picked, head(out.hidden_states[-1][:, width - 1 : -1].float()).squeeze(-1)
