"""What a person sees on a terminal: lines, sentences, tables, the progress bar, and Ctrl-C."""
