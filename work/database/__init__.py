"""The shop's database: its tables, how it is opened, and its errors."""
