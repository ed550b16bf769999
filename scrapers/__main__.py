"""`python -m scrapers`."""

from scrapers.cli import main

main()
