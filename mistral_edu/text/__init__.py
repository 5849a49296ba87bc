"""What the tokenizer and an answer are made of: files of tokenizers, added tokens, spaces, and text as it streams."""
