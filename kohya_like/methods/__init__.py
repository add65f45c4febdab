"""What is trained and what is saved."""

PLUGINS = ("options", "finetune_options")
