"""What is trained and what is saved."""

PLUGINS = ("options", "finetune_options", "textual_inversion_options", "dreamartist_options", "pivotal_options")
