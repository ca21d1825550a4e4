"""Objects that lie about their class.

Tries: `__class__` properties that claim to be a tensor, a module, a text, a figure or a bench's
    model, with attributes made up as they are asked for.
Success: the sandbox sends something that the grader takes for one of its own objects.
Outcome: answered or error or failed.
"""

import torch


def pretender(claimed):
    class Pretender:
        @property
        def __class__(self):
            return claimed

        def __getattr__(self, name):
            return pretender(claimed)

        def __call__(self, *args, **kwargs):
            return self

    return Pretender()


def attack(targets, model):
    kinds = (torch.Tensor, torch.nn.Module, dict, list, type(model), BaseException)
    return [pretender(kind) for kind in kinds]
