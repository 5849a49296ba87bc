"""What a conversation is: messages of a user and an assistant in turn, after a system message or none."""

ROLES = "one system message or none, then user, assistant, user, ... in turn"


def check_messages(messages):
    """Split messages into the system text, or None, and [question, answer, ...].

    Raises ValueError for messages in another order, or without a text.

    >>> check_messages([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}])
    ('Be kind.', ['Hi'])
    """
    if isinstance(messages, dict) or not messages:
        raise ValueError('there are no messages; expected [{"role": "user", "content": "..."}]')
    for n, message in enumerate(messages):
        if not isinstance(message, dict) or "role" not in message or not isinstance(message.get("content"), str):
            raise ValueError(f'message {n}: expected {{"role": ..., "content": text}}, got {str(message)[:200]!r}; '
                             "tools and pictures are not taught here")
        if beyond := sorted(map(str, {name for name in message if message[name] is not None} - {"role", "content"})):
            raise ValueError(f"message {n} has {', '.join(beyond)[:200]} beside role and content; leave them out. "
                             "Tools and pictures are not taught here")
    first = int(messages[0]["role"] == "system")  # the number of the first question
    if len(messages) == first:
        raise ValueError(f"after the system message there is no user message; expected {ROLES}")
    for n, message in enumerate(messages[first:], first):
        due = ("user", "assistant")[(n - first) % 2]
        if message["role"] != due:
            raise ValueError(f"message {n} is of role {message['role']!r} where {due!r} is due; expected {ROLES}")
        if due == "user" and not message["content"]:
            raise ValueError(f"message {n}, of the user, is empty; expected some text")
    return messages[0]["content"] if first else None, [message["content"] for message in messages[first:]]
