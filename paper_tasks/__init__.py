"""From a paper's title and abstract to its tasks: label, prepare, train, export, evaluate, tag."""

import os

# Before any module imports onnxruntime, which else looks up a telemetry host and writes to the user's cache.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
