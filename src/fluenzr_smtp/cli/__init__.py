"""The command line: the only room that speaks prose, prints, asks, and decides how the process ends."""
