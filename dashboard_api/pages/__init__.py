"""The pages people look at, and the fragments that keep them current."""
