"""Template tags, found by Django by this package's name."""
