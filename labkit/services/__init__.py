"""Small HTTP services of the lab, which stand for other companies'.  They can fail on command."""
