"""A model that answers elsewhere: any server that speaks the protocol of OpenAI's chat completions.

mlx-lm, vLLM, SGLang, llama.cpp and others do. docs/serving.md says which to choose and how to start them.

    chat.py      a conversation with such a server, as mistral_edu.Chat is one with a model here
    server.py    requests, and messages for what can go wrong with them
    address.py   where a server is, and which key it gets
    events.py    its answer, as it arrives
    words.py     what a server says, as a line that may be shown
"""
