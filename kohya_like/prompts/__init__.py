"""The prompt language of AUTOMATIC1111's web UI 1.10, as docs/prompts.md tells it. Text in, values out; no torch."""
