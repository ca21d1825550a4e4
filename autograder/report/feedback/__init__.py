"""What students read of their grades."""
