"""On the import path of a vLLM server only. Python runs its module `sitecustomize` at the start of each of the server's
processes.
"""
