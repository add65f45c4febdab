"""The models that look at pictures: WD14 (ONNX), BLIP, CLIP against a vocabulary, a vision endpoint.

Imported by the tagging process and the command line only; the one place of dataset_tools that knows torch, transformers
and onnxruntime.
"""
