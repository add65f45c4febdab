"""Tools for files: merge, extract, resize, convert. They stream tensor by tensor and know no config and no run."""
