"""Charts as SVG text: axes, frames, lines, strips and intervals."""
