"""The prompt language of AUTOMATIC1111's web UI (1.10), as docs/prompts.md describes it. Text in, values out; no torch."""
