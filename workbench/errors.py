"""The two ways in which an input can be wrong, and what each one stops."""


class ConfigurationError(Exception):
    """A wrong option, name, folder or file: raised before any work starts and shown without a traceback."""


class SampleError(Exception):
    """Something is wrong with one sample: recorded against that sample, never ends a run."""
