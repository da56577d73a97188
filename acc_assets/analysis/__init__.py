"""Pure functions from latents and images to numbers, layouts and pictures; each file says what it answers."""
