"""What the hub believes beside what is there, and the way back."""
