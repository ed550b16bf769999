"""The two front ends that ship: the Gradio app, which is also the Hugging Face Space, and the Flask page."""
