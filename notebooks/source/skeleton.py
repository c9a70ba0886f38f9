# %% [markdown]
# # 02 · From cross-entropy to the ranking loss
#
# **What becomes of fifteen pairs under each loss?**
#
# Time: about 15 s on one core · For you: about 40 minutes · Read before: [01 Retrieval](01_retrieval.ipynb)
#
# ## 1. Fifteen pairs on a circle
#
# R@1 is the share of captions whose own video comes first. By chance it is one of fifteen.

# %%
from cmgsd_lite.course.circle import train_circle
from cmgsd_lite.course.predict import predict

trained = {name: train_circle(name) for name in ("mean", "smooth")}
recall = {name: round(points.recall) for name, points in trained.items()}
predict("Which R@1 has smooth?", None, result=recall["smooth"], unit="%", floor=7, beside={"mean": recall["mean"]})

# %%
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.base import show_figure
from cmgsd_lite.course.plots.circle import plot_circle

figure, axes = plt.subplots(1, 2, figsize=(11, 5.5), layout="constrained")
for ax, (name, points) in zip(axes, trained.items()):
    plot_circle(points, ax).set_title(name)
show_figure(figure, "02-circles", "Two circles: under mean the pairs of a scene stand in a clump, under smooth apart.")

# %%
from cmgsd_lite.course.live import show_live

show_live("circle", plot_circle(trained["mean"]).figure, "Fifteen pairs on a circle; they move as a loss pushes them.")

# %% [markdown]
# **Stop here and say it in your own words**: why does `smooth` spread the pairs of a scene?
#
# <details><summary>One answer</summary>
#
# It pushes the nearest negatives hardest, and those are of the same scene.
#
# </details>
#
# ## Exercises
#
# **Exercise 1.** The *video* looks for its text. Return its cross-entropy with the margin on the negatives, one number
# for each video, [N].

# %%
import torch

from cmgsd_lite.course.exercises.chapter02 import check_cross_entropy


def cross_entropy_of_videos(sim, margin, temperature):
    ### BEGIN SOLUTION
    logits = (sim + margin * (1 - torch.eye(len(sim)))) / temperature
    return torch.logsumexp(logits, dim=0) - logits.diagonal()
    ### END SOLUTION


check_cross_entropy(cross_entropy_of_videos)

# %% [markdown]
# ## Summary
#
# - A loss that looks at the nearest negatives tells neighbours apart.
#
# **Before:** [01 Retrieval](01_retrieval.ipynb) · **Next:** [03 False negatives](03_false_negatives.ipynb)
