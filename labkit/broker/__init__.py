"""The server that carries the messages: its start, whose it is, queues, messages, results."""
