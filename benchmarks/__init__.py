"""Speed and memory, measured side by side: medians of interleaved rounds, with their spread and the machine's load."""
