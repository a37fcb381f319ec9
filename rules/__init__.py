"""What it means: readings folded into arrays, evaluated on a grid of home time, told as findings."""
