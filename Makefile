# make setup    the environment in .venv, from constraints.txt
# make compare  the main comparison: both sides and the floor on 240 test instructions of tabletop
# make test     all tests
# make test-vllm  the agent against a real vLLM server, installed in .venv-vllm; skipped where it cannot be
# Another interpreter: make setup PYTHON=python3.12

PYTHON ?= python3
SYSTEMS := instructsam-tiny,sam3-agent-tiny,sam3-phrase-tiny

.PHONY: setup compare test test-vllm

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

compare: setup
	.venv/bin/workbench compare --systems $(SYSTEMS) --benchmark tabletop --limit 240

test: setup
	.venv/bin/python -m pytest

test-vllm: setup
	@if .venv/bin/python -m agents.vllm_server .venv-vllm; then \
		WORKBENCH_VLLM=.venv-vllm .venv/bin/python -m pytest tests/agents/test_vllm.py; \
	else \
		echo "test-vllm is skipped: vLLM cannot be installed on this machine, for the reason above"; \
	fi
