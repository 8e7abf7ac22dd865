"""On the path of a vLLM server only: `sitecustomize` runs at the start of each of its processes."""
