# All checks in one go; each line is what CI would complain about.
.PHONY: check
check:
	ruff check .
	mypy
	pytest
