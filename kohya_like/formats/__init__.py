"""Ground floor: bytes on disk. Readers that trust nothing, writers that never tear a file; no model objects."""
