"""The training loop for the small models that pages train while the reader waits."""
import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim


def train(model, loss, batches, step_size):
    """Take a step of Adam for each batch and yield the loss before it: a caller may stop at any step.

    loss(model, batch) -> (), in nats. step_size: Adam's learning rate.
    """
    slopes, optimizer = nn.value_and_grad(model, loss), optim.Adam(learning_rate=step_size)
    for batch in batches:
        value, gradients = slopes(model, batch)
        optimizer.update(model, gradients)
        mx.eval(value, model.parameters(), optimizer.state)
        yield value.item()
