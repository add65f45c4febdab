"""The mathematics of the loss: schedule, noise, target, weights. Pure tensor functions; options without torch."""
