"""Optimizers, learning-rate schedules and weight averaging. Importing a file of this folder does not import torch."""

PLUGINS = ("optimizers", "schedules")
