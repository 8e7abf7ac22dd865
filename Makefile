# make setup    the environment in .venv, from constraints.txt; modules are compiled when they are first imported
# make compare  the main comparison: both sides and the floor on 240 test instructions of tabletop
# make train-tiny  all tiny checkpoints from nothing, in runs/; started again it goes on where it was stopped;
#                  make train-tiny RUNS=/tmp/trial SHARE=0.0005 tries all of it in minutes
# make ablations  what each part of InstructSAM is worth: six variants trained from the same two models, half an hour each,
#               and compared; started again it goes on, make -j2 ablations trains two at a time
# make slots    what the number of slots is worth, in accuracy, duplicates and time: four numbers, and 16 slots trained
#               against duplicates, with the same steps from one start; an hour of one core
# make stress   where both sides break: every axis of the stress suite, QUESTIONS questions at each level, continued
#               when it is started again; docs/stress.md has what came out
# make ship-tiny   what make train-tiny made takes the place of the checkpoints in the packages
# make rehearse a checkpoint of full size with random weights (4.9 GiB, in a scratch folder), two samples of compare on a
#               CPU, and what that took; make rehearse SHAPE=middle is the same in a minute
# make test     all tests, in JOBS processes; it ends with the ten slowest
# make test-vllm  the agent against a real vLLM server, installed in .venv-vllm; skipped where it cannot be
# Another interpreter: make setup PYTHON=python3.12

PYTHON ?= python3
SYSTEMS := instructsam-tiny,sam3-agent-tiny,sam3-phrase-tiny
LIMIT := 240

# modules are compiled once, not by each process that imports them
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup compare stress train-tiny ablations slots ship-tiny rehearse test test-vllm

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --upgrade pip
	.venv/bin/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	touch $@

compare: setup
	.venv/bin/workbench compare --systems $(SYSTEMS) --benchmark tabletop --limit $(LIMIT)

SIDES := instructsam-tiny,sam3-agent-tiny
QUESTIONS := 24

stress: setup
	.venv/bin/workbench stress stress --systems $(SIDES) --questions $(QUESTIONS) --out $(RUNS)/stress

RUNS := runs
TRAINED := sam3-tiny qwen-tiny agent-lm-tiny instructsam-tiny-stage1 instructsam-tiny-places instructsam-tiny-stage2 instructsam-tiny-continued multi-seg-tiny seg-token-tiny
SHARE := 1
# more --set KEY=VALUE, for all trainings (SETTINGS) or for one kind of them
SETTINGS :=
SAM3_SETTINGS :=
QWEN_SETTINGS :=
AGENT_SETTINGS :=
INSTRUCTSAM_SETTINGS :=
SEGTOKEN_SETTINGS :=
WORKBENCH := .venv/bin/workbench
TRAIN = $(WORKBENCH) train --share $(SHARE) --set tracking_uri=sqlite:///$(abspath $(RUNS))/mlflow.db $(SETTINGS)
# run:place of what is shipped; the cards (README.md) in the places stay, to be written anew by hand
SHIPPED := \
	sam3-tiny:workbench/foundations/sam3/checkpoints/sam3-tiny \
	agent-lm-tiny:agents/checkpoints/sam3-agent-lm-tiny \
	instructsam-tiny-continued:e2e/checkpoints/instructsam-tiny \
	multi-seg-tiny:e2e/checkpoints/multi-seg-tiny \
	seg-token-tiny:e2e/checkpoints/seg-token-tiny

train-tiny: setup
	@mkdir -p $(RUNS)
	$(TRAIN) workbench/foundations/configs/sam3-tiny.yaml --out $(RUNS)/sam3-tiny $(SAM3_SETTINGS)
	$(TRAIN) workbench/foundations/configs/qwen-tiny.yaml --out $(RUNS)/qwen-tiny $(QWEN_SETTINGS)
	$(TRAIN) agents/configs/agent-lm-tiny.yaml --out $(RUNS)/agent-lm-tiny \
		--set base=$(RUNS)/qwen-tiny/final --set segmenter_checkpoint=$(RUNS)/sam3-tiny/final $(AGENT_SETTINGS)
	$(TRAIN) e2e/configs/instructsam-tiny-stage1.yaml --out $(RUNS)/instructsam-tiny-stage1 \
		--set language_model=$(RUNS)/qwen-tiny/final --set segmenter=$(RUNS)/sam3-tiny/final $(INSTRUCTSAM_SETTINGS)
	$(TRAIN) e2e/configs/instructsam-tiny-places.yaml --out $(RUNS)/instructsam-tiny-places \
		--set start=$(RUNS)/instructsam-tiny-stage1/final $(INSTRUCTSAM_SETTINGS)
	$(TRAIN) e2e/configs/instructsam-tiny-stage2.yaml --out $(RUNS)/instructsam-tiny-stage2 \
		--set start=$(RUNS)/instructsam-tiny-places/final $(INSTRUCTSAM_SETTINGS)
	$(TRAIN) e2e/configs/instructsam-tiny-continued.yaml --out $(RUNS)/instructsam-tiny-continued \
		--set start=$(RUNS)/instructsam-tiny-stage2/final $(INSTRUCTSAM_SETTINGS)
	for name in multi-seg-tiny seg-token-tiny; do \
		$(TRAIN) e2e/configs/$$name.yaml --out $(RUNS)/$$name \
			--set language_model=$(RUNS)/qwen-tiny/final --set segmenter=$(RUNS)/sam3-tiny/final $(SEGTOKEN_SETTINGS) || exit 1; \
	done
	.venv/bin/python -m workbench.foundations.training.curves $(addprefix $(RUNS)/,$(TRAINED)) --out $(RUNS)/training.png
	@echo "the checkpoints are in $(RUNS)/*/final; try one with --set SYSTEM.checkpoint=..., ship all with make ship-tiny"

COMMA := ,
SPACE := $(subst ,, )
# both start from what is shipped; the language model was tuned on the agent's turns, and has never seen a slot
QWEN := agents/checkpoints/sam3-agent-lm-tiny
SAM3 := workbench/foundations/sam3/checkpoints/sam3-tiny
ABLATIONS := full no-bank causal no-stage1 by-cost grid
STAGE1_MINUTES := 3
PLACES_MINUTES := 15
STAGE2_MINUTES := 12
SLOTS := k4 k8 k16 k24 k16-apart
STAGE1_STEPS := 150
PLACES_STEPS := 850
STAGE2_STEPS := 450
STAGE1_full :=
STAGE1_no-bank := --set query_bank=false
PLACES_no-bank := --set place_slots=false
STAGE1_causal := --set slots_causal=true
STAGE1_no-phrase := --set phrase_conditioning=false
STAGE1_by-cost := --set match_starts=false
STAGE1_grid := --set queries=grid
STAGE1_k4 := --set queries=spread --set slots=4
STAGE1_k8 := --set queries=spread --set slots=8
STAGE1_k16 := --set queries=spread
STAGE1_k24 := --set queries=spread --set slots=24
STAGE1_k16-apart := --set queries=spread --set duplicate_weight=4
ABLATE = $(TRAIN) --set evaluate_every=1000 --set validation_scenes=4
# of the comparison, e.g. --limit 40
COMPARED :=

known = $(if $(filter undefined,$(origin STAGE1_$(1))),$(error $(1): expected a variant that has a line STAGE1_$(1)))

# all three stages of one variant, $(1) of them being minutes or steps: $(2), $(3) and $(4)
define stages
$(call known,$*)$(ABLATE) e2e/configs/instructsam-tiny-stage1.yaml --out $(@D)-stage1 --set $(1)=$(2) \
	--set language_model=$(QWEN) --set segmenter=$(SAM3) $(STAGE1_$*)
$(ABLATE) e2e/configs/instructsam-tiny-places.yaml --out $(@D)-places --set $(1)=$(3) \
	--set start=$(@D)-stage1/final $(PLACES_$*)
$(ABLATE) e2e/configs/instructsam-tiny-stage2.yaml --out $(@D) --set $(1)=$(4) --set start=$(@D)-places/final
endef

# options of the variants $(1) in the folder $(2), as systems of the same names
variants = --systems $(subst $(SPACE),$(COMMA),$(1:%=%=instructsam-tiny)) \
	$(foreach name,$(1),--set $(name).checkpoint=$(RUNS)/$(2)/$(name)/final --set $(name).threshold=0.25)

ablations: setup $(ABLATIONS:%=$(RUNS)/ablations/%/final)
	$(WORKBENCH) compare --benchmark tabletop --out $(RUNS)/ablations/compared $(COMPARED) \
		$(call variants,$(ABLATIONS),ablations)
	$(WORKBENCH) report $(RUNS)/ablations/compared --markdown > $(RUNS)/ablations/compared.md

slots: setup $(SLOTS:%=$(RUNS)/slots/%/final)
	$(WORKBENCH) stress stress --axes targets --questions $(QUESTIONS) --out $(RUNS)/slots/stress \
		$(call variants,$(SLOTS),slots)
	$(WORKBENCH) compare --benchmark tabletop --repeats 3 --out $(RUNS)/slots/compared $(COMPARED) \
		$(call variants,$(SLOTS),slots)
	$(WORKBENCH) report $(RUNS)/slots/compared --markdown > $(RUNS)/slots/compared.md
	.venv/bin/python -m e2e.instructsam.collapse $(SLOTS:%=$(RUNS)/slots/%/final) --threshold 0.25 | tee $(RUNS)/slots/collapse.md

# without stage 1 its minutes go to the stage of the places, so that all variants train equally long
$(RUNS)/ablations/no-stage1/final: | setup
	$(ABLATE) e2e/configs/instructsam-tiny-no-stage1.yaml --out $(@D)-places \
		--set minutes=$$(awk 'BEGIN { print $(STAGE1_MINUTES) + $(PLACES_MINUTES) }') --set language_model=$(QWEN) --set segmenter=$(SAM3)
	$(ABLATE) e2e/configs/instructsam-tiny-stage2.yaml --out $(@D) --set minutes=$(STAGE2_MINUTES) \
		--set start=$(@D)-places/final

$(RUNS)/ablations/%/final: | setup
	$(call stages,minutes,$(STAGE1_MINUTES),$(PLACES_MINUTES),$(STAGE2_MINUTES))

$(RUNS)/slots/%/final: | setup
	$(call stages,steps,$(STAGE1_STEPS),$(PLACES_STEPS),$(STAGE2_STEPS))

ship-tiny: setup
	@for pair in $(SHIPPED); do \
		test -f $(RUNS)/$${pair%%:*}/final/config.json || { echo "$(RUNS)/$${pair%%:*}/final is missing: make train-tiny"; exit 1; }; \
	done
	@for pair in $(SHIPPED); do \
		from=$(RUNS)/$${pair%%:*}/final; to=$${pair#*:}; mkdir -p $$to; \
		find $$to -type f ! -name README.md -delete; cp -R $$from/. $$to/; echo "$$from -> $$to"; \
	done
	@echo "git diff shows what changed; write the cards (README.md beside each) anew, then make test"

SHAPE := full

rehearse: setup
	.venv/bin/python -m speed.rehearse --shape $(SHAPE)

JOBS := 3

# one process more than cores, because some tests wait; a process keeps to a file where it can, so that what its tests
# share is made once
test: setup
	.venv/bin/python -m pytest --numprocesses $(JOBS) --dist worksteal --durations 10

test-vllm: setup
	@if .venv/bin/python -m agents.language_models.vllm_server .venv-vllm; then \
		WORKBENCH_VLLM=.venv-vllm .venv/bin/python -m pytest tests/agents/language_models/test_vllm.py; \
	else \
		echo "test-vllm is skipped: vLLM cannot be installed on this machine, for the reason above"; \
	fi
