"""Tools around a dataset of pictures and captions; the trainer knows nothing of them."""
