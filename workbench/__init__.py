"""Compare ways of segmenting what an instruction asks for: single pass against agent."""

__version__ = "0.1.0"
