"""What a person sees on a terminal: lines, sentences, tables, verdicts, the progress bar, pages, and Ctrl-C."""
