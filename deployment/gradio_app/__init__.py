"""The app as people use it in a browser, and its API."""

import os

# Before gradio is imported, which would report its start to its makers.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
