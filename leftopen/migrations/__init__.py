"""The record's schema over time; run by `leftopen.store`, never by hand."""
