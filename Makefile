.DEFAULT_GOAL := help
.PHONY: help check format test-fast deps studies constraints

help:         ## list the targets
	@sed -nE 's/^([a-z-]+): *## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

check:        ## run all checks
	ruff check .
	ruff format --check .
	mypy
	pytest

format:       ## format the code, and mend what ruff can mend
	ruff check --fix .
	ruff format .

test-fast:    ## run the tests that take less than a few seconds each
	pytest -m "not slow"

deps:         ## write the code that each stage imports into dvc.yaml
	python -m tests.pipeline.import_graph

studies:      ## make the tables and figures of docs/results.md and photographs.md again, from the runs in metrics/studies/runs.csv
	t2i ablation loss.lambda --name 'plain-*' --name 'strong-*' $(main) $(call study,lambda)
	t2i ablation loss.damsm_lambda loss.lambda --baseline 0 --baseline 0 --name 'plain-[ab]-*' --name 'nodamsm-*' $(main) $(call study,losses)
	t2i ablation loss.damsm_lambda loss.lambda --baseline 0 --baseline 0 --name 'dmgan-*' $(main) $(call study,dmgan)
	t2i ablation loss.lambda --name 'images300-*' $(main) $(call study,images300)
	t2i ablation loss.lambda --name 'images1000-*' $(main) $(call study,images1000)
	t2i ablation loss.lambda --name 'captions-*' $(main) $(call study,captions)
	t2i ablation loss.lambda --name 'photo-*' $(photo) $(call study,photographs)
	t2i ablation --changes step-all-0 --name 'step-*' $(photo) $(call study,parts)
	t2i ablation loss.lambda --snapshots --name 'plain-*' --name 'strong-*' $(call study,lambda)

main = --draw 'distance ratio*' --draw 'FID*' --draw 'R-precision (judge)' --draw 'recall (judge)' --draw 'colour*'
photo = --draw 'distance ratio*' --draw 'distance, *' --draw 'KID*' --draw 'R-precision (judge)' --draw 'recall (judge)'
study = --runs metrics/studies/runs.csv --metrics metrics/studies/$(1) --plots plots/studies/$(1)

constraints:  ## write the installed versions of all dependencies into constraints.txt
	python .ci/constraints.py
