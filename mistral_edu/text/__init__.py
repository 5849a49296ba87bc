"""What the tokenizer, a prompt and an answer are made of.

Files of tokenizers, added tokens, spaces; the forms of a prompt, chat formats and templates; text as it streams.
"""
