"""Collects papers from arXiv, OpenReview and what is left of Papers with Code into a CSV in csv_files/."""
