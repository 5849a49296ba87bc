"""Experiments on models that several notebooks make.

`training` is the loop of the small models; `leak` trains on noise to find leaks from the future, `reach` measures how
far a token reaches; `inside` records and changes what a forward pass computes; `skills` measures what the embedded
model can do, `truth` knows what its world would say; `use` puts a reader's own functions into it.
"""
