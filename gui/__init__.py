"""The desktop window: a client of the command line and of run folders. It never imports torch."""
