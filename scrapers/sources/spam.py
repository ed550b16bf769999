"""Advertisements in Papers with Code's last months, when anyone could add tasks, methods and papers.

They sell by telephone: "how do i speak to ... customer service?", "+1-888-...", "refund".

- The name of a task or a method is spam if it has more than 120 characters, a telephone number, an ornament or a
  phrase of that trade.
- A title is spam if it has a telephone number, or if it has such a phrase and looks like a headline.
- A record is spam if its title is spam, or if all its tasks and methods are. A real paper to which someone added such
  a name only loses the name.

These rules find no spam in the original's 2,186 tasks and in 70,734 titles of conference and arXiv papers.
"""

import re

LONGEST_NAME = 120
GAP = r"[\s.*~_()–—-]{1,3}"
PHONE = re.compile(rf"\(?\b\d{{3}}\)?{GAP}\d{{3}}{GAP}\d{{4}}\b|\+\d[\d\s()–—-]{{8,}}\d")
PHRASES = re.compile(
    r"\b(customer (service|care|support)"
    r"|(support|contact|phone|helpline|toll[ -]?free|whatsapp|telephone) numbers?"
    r"|toll[ -]?free"
    r"|call (us )?now"
    r"|(talk|speak|get through|complain) to (a |an )?(live|real|human|someone|agent|person)"
    r"|airlines?\b.*\b(refunds?|cancel|cancellation|name change)"
    r"|(refund|cancellation) (policy|request)"
    r"|(get|request|claim|ask for) (a |my |your )?(full )?refund)\b",
    re.IGNORECASE,
)
ORNAMENTS = re.compile(r"[™®☎📞✅⭐🔥➤★【】「」『』{}~]|\*\*|\?\?")
HEADLINE = re.compile(r"[?™®]|^how (do|can|to)\b", re.IGNORECASE)


def is_spam_name(name: str) -> bool:
    """Whether an advertisement stands where the name of a task or a method should."""
    return len(name) > LONGEST_NAME or any(rule.search(name) for rule in (PHONE, PHRASES, ORNAMENTS))


def is_spam_title(title: str) -> bool:
    """Whether a title advertises something."""
    return bool(PHONE.search(title) or (PHRASES.search(title) and HEADLINE.search(title)))
