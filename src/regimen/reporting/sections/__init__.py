"""The sections of a report: what each shows, as plain values for the template."""
