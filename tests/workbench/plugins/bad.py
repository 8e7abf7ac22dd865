"""Plugins that break when they are imported."""

GOOD = '''
from typing import Annotated
print("imported")
def good(size: Annotated[int, "Side."] = 3, name: str = ""):
    """Does it well.

    More about it.
    """
'''
BAD = {
    "exits": ("import sys; sys.exit(7)", "importing it ends the program (SystemExit: 7)"),
    "quits": ("import os; os._exit(7)", "importing it ends the program (exit code 7)"),
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "importing it ends the program (signal 9)"),
    "raises": ("class Odd(BaseException): pass\nraise Odd('no')", "Odd: no"),
    "hangs": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "takes longer than 2 s",
    ),
    "asks": ("input()", "EOFError"),
    "interrupts": ("raise KeyboardInterrupt", "importing it ends the program (signal 2)"),
    "unsayable": (
        "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd",
        "Odd: its message cannot be shown (ValueError)",
    ),
}
