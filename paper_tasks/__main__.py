"""`python -m paper_tasks` is `paper-tasks` without an installation."""

from paper_tasks.cli import main

main()
