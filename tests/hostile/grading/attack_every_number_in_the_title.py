"""Write every number into the title that might be asked for.

Tries: right bars, and titles with all losses from 0.90 to 2.50.
Success: the points for a loss that was never computed.
Exercise: plot_loss_scenarios
Earns: less than all.
"""

import matplotlib.pyplot as plt

NUMBERS = " ".join(f"{number / 100:.2f}" for number in range(90, 250))


def plot_loss_scenarios(scenarios):
    figure, rows = plt.subplots(len(scenarios), squeeze=False)
    for (title, logits), panel in zip(scenarios.items(), rows[:, 0], strict=True):
        shares = logits.float().softmax(-1).mean(0)
        panel.bar(range(len(shares)), shares.numpy())
        panel.axhline(1 / len(shares), linestyle="--")
        panel.set(ylim=(0, 1), title=f"{title} {NUMBERS}", xlabel="expert", ylabel="probability")
    return figure
