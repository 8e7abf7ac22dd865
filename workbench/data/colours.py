"""Colours of reports, figures and pictures of answers."""

INK, MUTED, GRID, PAPER, BAD = "#22201d", "#76716a", "#e4e0d9", "#fffefb", "#a03024"
SYSTEM_COLOURS = ("#2f6db5", "#d4692a", "#17906f", "#6d2a5c", "#b59a10", "#98a2aa", "#c2185b", "#5d4037")
"""Of systems by their place; they can be told apart with any common colour-vision deficiency."""
