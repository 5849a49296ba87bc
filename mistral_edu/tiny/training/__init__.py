"""How the embedded model learns: documents -> rows of tokens -> loss -> weights.

Read data, learning, optimizer, then train.
"""
