"""What the verbs of the command line do, besides `train` and `check`, which are made of larger things."""
