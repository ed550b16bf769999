"""Sentences that both front ends say."""

# Where no task is certain.
TOO_SHORT = (
    "A sentence or two is often too little for the model: give it the whole abstract. "
    "Or the paper works on none of the tasks that it knows."
)
# Where tasks fit a paper, and it works on none of them.
ONLY_ALSO = "The model finds no task that the paper works on, only tasks that also fit it."
NO_WORDS = "There is nothing to read: give a title, an abstract, or both."


def fault(request_id: str) -> str:
    """The answer where this program failed; the log has the same id."""
    return f"Something went wrong here, and your text is not to blame: try again, or report request {request_id}."
