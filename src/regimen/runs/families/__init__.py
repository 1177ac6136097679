"""What is particular to a family of models, one file each: how a window is fitted, saved, loaded and traded."""
