"""Losses over blocks of rows: the value and gradient of the whole matrix without a matrix of N x N.

- ``scores``: where similarities come from; ``distances``: where distances come from;
- ``moments``: means and covariances of distances, for cosines from D x D matrices;
- ``lines``: margins as clipped straight lines in distances; ``centre``: what only a pass over them tells;
- ``adaptive``: the margins of CMGSD made of these; ``sides``: the reductions, one direction at a time;
- ``engine``: the passes, and the gradient.
"""

from cmgsd_lite.losses.blocks.adaptive import Mix, loss_of_distances, loss_of_fixed_margin
from cmgsd_lite.losses.blocks.engine import How
from cmgsd_lite.losses.blocks.lines import Map
from cmgsd_lite.losses.blocks.scores import Scores

__all__ = ["How", "Map", "Mix", "Scores", "loss_of_distances", "loss_of_fixed_margin"]
