"""How well the work goes: figures of a month, for a dong or for all."""
