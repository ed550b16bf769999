"""`python -m paper_tasks`."""

from paper_tasks.cli import main

main()
