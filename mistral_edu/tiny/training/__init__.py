"""How the embedded model learns: documents -> rows of tokens -> loss -> weights.

Read data, learning, muon, optimizer, then train.
"""
