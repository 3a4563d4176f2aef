"""Ticket orders: what they must be, their states, the outbox, and the companies that they need."""
