"""Networks: small trainable parts that change what a frozen model computes. Importing this package needs no torch."""
