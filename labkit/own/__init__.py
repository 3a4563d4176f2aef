"""What one lesson has of its own: worker, Beat, broker, queues, ledgers, shop, pages."""
