"""The kinds of sources that feeds fetch from; each knows its servers, and lands by the frame of `assay.feeds`.

What brings a driver or much memory is imported when it is used: a feed at rest is small.
"""
