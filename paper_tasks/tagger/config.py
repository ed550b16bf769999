"""What a model's folder says of it: `config.json` as dataclasses."""

# Tokens of a text that an encoder reads, unless told otherwise; docs/experiments.md has what other numbers cost.
ENCODER_TOKENS = 192
