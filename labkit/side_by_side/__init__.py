"""What only the lessons that compare pools, stores and brokers need."""
