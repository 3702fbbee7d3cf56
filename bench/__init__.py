"""How fast, how small: `python -m bench` prints the table of docs/performance.md, each row beside its limit in the same run."""
