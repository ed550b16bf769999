"""Sentences that both front ends say."""

NAME = "From Paper With Tasks"
NO_WORDS = "There is nothing to read: give a title, an abstract, or both."


def fault(request_id: str) -> str:
    """The answer where this program failed; the log has the same id."""
    return f"Something went wrong here, and your text is not to blame: try again, or report request {request_id}."
