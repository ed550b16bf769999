"""Sentences that the apps and the model card share."""

PROJECT = "From Paper With Tasks"
# The labels that a model learns from if its papers came without tasks.
DISTANT_LABELS = (
    "A paper has a distant label where the task's name, or an alias of it, stands in its title, its abstract or its "
    "authors' keywords. These are not Papers with Code's own labels."
)
