"""Advertisements in Papers with Code's last months, when anyone could add tasks, methods and papers.

They sell by telephone: "how do i speak to ... customer service?", "+1-888-...", "refund". The name of a task or a
method is spam if it has a telephone number, a phrase of that trade or an ornament in it, or more than 120 characters.
A title is spam if it has a telephone number, or such a phrase and the looks of a headline. A record is spam if its
title is, or if every task and method that it has is; a real paper to which someone added such a name loses the name.

By these rules, none of the original's 2,186 tasks and none of 70,734 titles of conference and arXiv papers is spam.
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
    """Whether this cannot be the name of a task or a method."""
    return len(name) > LONGEST_NAME or any(rule.search(name) for rule in (PHONE, PHRASES, ORNAMENTS))


def is_spam_title(title: str) -> bool:
    """Whether this advertises."""
    return bool(PHONE.search(title) or (PHRASES.search(title) and HEADLINE.search(title)))
