"""The caption editor's window side: the desk that joins library and session to Qt, and what is drawn of it."""
