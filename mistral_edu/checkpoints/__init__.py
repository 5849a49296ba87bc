"""From a folder, or a name on the Hugging Face hub, to a model and its tokenizer; and back into files (convert.py).

Begin with loading.py: it tells the story of loading, and names the other files where it needs them.
"""
