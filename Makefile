# make setup    the environment in .venv, from constraints.txt
# make compare  the main comparison: both sides and the floor on 240 test instructions of tabletop
# make test     all tests
# Another interpreter: make setup PYTHON=python3.12

PYTHON ?= python3
SYSTEMS := instructsam-tiny,sam3-agent-tiny,sam3-phrase-tiny

.PHONY: setup compare test

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

compare: setup
	.venv/bin/workbench compare --systems $(SYSTEMS) --benchmark tabletop --limit 240

test: setup
	.venv/bin/python -m pytest
